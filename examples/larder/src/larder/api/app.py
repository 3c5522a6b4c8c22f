"""The application: routes, errors and metrics put together."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from prometheus_client import make_asgi_app

from larder import __version__
from larder.api.routers import deliveries, forecasts, health, orders, products, reports, shops
from larder.errors import LarderError


def create() -> FastAPI:
    """A new application."""
    app = FastAPI(title="Larder", version=__version__)
    for router in (health, products, shops, deliveries, orders, forecasts, reports):
        app.include_router(router.router)
    app.mount("/metrics", make_asgi_app())
    app.add_exception_handler(LarderError, _explain)
    return app


async def _explain(_request: Request, error: Exception) -> JSONResponse:
    status = error.status if isinstance(error, LarderError) else 500
    return JSONResponse({"detail": str(error)}, status)

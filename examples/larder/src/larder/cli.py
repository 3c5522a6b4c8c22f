"""The command line: `larder` serves, `larder selfcheck` tries everything, `larder forecast` prints a forecast.

Each command imports what it needs, so that `larder --version` does not wait for pandas.
"""

from typing import Annotated

import typer

from larder.about import introduction

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def default(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Stock, orders and demand for a small chain of grocery shops."""
    if version:
        typer.echo(introduction())
    elif context.invoked_subcommand is None:
        serve()


@app.command()
def serve() -> None:
    """Serve the API, after bringing the database to the newest schema."""
    import uvicorn

    from larder import logs
    from larder.db.upgrade import upgrade
    from larder.settings import get_settings

    settings = get_settings()
    logs.configure(settings)
    upgrade(settings.database_url)
    uvicorn.run("larder.api.app:create", factory=True, host=settings.host, port=settings.port)


@app.command()
def selfcheck() -> None:
    """Try everything once, in memory, without a network."""
    from larder.selfcheck import selfcheck as run

    for line in run():
        typer.echo(line)


@app.command()
def seed(days: Annotated[int, typer.Option(min=1, max=3650)] = 365) -> None:
    """Fill an empty database with products, shops and sales up to today."""
    from larder.clock import today
    from larder.db.queries import last_day
    from larder.db.session import session_for
    from larder.db.upgrade import upgrade
    from larder.seed import fill
    from larder.settings import get_settings

    url = get_settings().database_url
    upgrade(url)
    with session_for(url) as session:
        if last_day(session) is not None:
            raise typer.BadParameter("the database has sales already")
        typer.echo(f"{fill(session, until=today(), days=days)} sales added")


@app.command()
def forecast(days: Annotated[int | None, typer.Option(min=1, max=60)] = None) -> None:
    """Print what each shop will sell."""
    from rich.console import Console
    from rich.table import Table

    from larder.db.queries import sales_frame
    from larder.db.session import session_for
    from larder.forecast import forecast as run
    from larder.settings import get_settings

    settings = get_settings()
    with session_for(settings.database_url) as session:
        found = run(sales_frame(session), days=days or settings.forecast_days)
    sums = found.table.pivot_table(index="sku", columns="shop", values="quantity", aggfunc="sum")
    table = Table("SKU", *sums.columns, title="Expected sales")
    for sku, row in sums.iterrows():
        table.add_row(str(sku), *(f"{value:.0f}" for value in row))
    console = Console()
    console.print(table)
    console.print(f"mean absolute error {found.accuracy.mean_absolute_error:.2f} pieces a day")

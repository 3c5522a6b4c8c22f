"""Reports for the office."""

from datetime import timedelta

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from larder.api.dependencies import PersonDep, SessionDep, SettingsDep
from larder.clock import today
from larder.db.queries import last_day, sales_frame
from larder.errors import NotFoundError
from larder.reports.archive import WORKBOOK, keep
from larder.reports.page import render
from larder.reports.workbook import workbook

router = APIRouter(prefix="/reports", tags=["reports"])


@router.get("/weekly", response_class=HTMLResponse)
def weekly_page(session: SessionDep) -> str:
    """The last eight weeks as a page."""
    last = last_day(session)
    if last is None:
        raise NotFoundError("sales", "any day")
    return render(sales_frame(session, since=last - timedelta(weeks=9)))


@router.get("/weekly.xlsx")
def weekly_workbook(session: SessionDep, _person: PersonDep, settings: SettingsDep) -> Response:
    """All weeks as a workbook, which is archived too where a bucket is set."""
    content = workbook(sales_frame(session))
    keep(content, today(), settings)
    return Response(content, media_type=WORKBOOK)

"""The weekly report as a workbook, for those who want to calculate on."""

from io import BytesIO

import pandas as pd
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from larder.reports.tables import best_sellers, weekly


def workbook(sales: pd.DataFrame) -> bytes:
    """An .xlsx with a sheet per table."""
    buffer = BytesIO()
    with pd.ExcelWriter(buffer, engine="openpyxl") as writer:
        for title, table in (("Weekly", weekly(sales)), ("Best sellers", best_sellers(sales))):
            table.to_excel(writer, sheet_name=title)
            sheet = writer.sheets[title]
            for column in range(1, sheet.max_column + 1):
                sheet.column_dimensions[get_column_letter(column)].width = 16
                sheet.cell(row=1, column=column).font = Font(bold=True)
    return buffer.getvalue()

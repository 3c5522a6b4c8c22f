"""What the office reads: tables, a page, a workbook, an archive."""

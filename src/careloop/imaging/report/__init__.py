"""DXA reports: a PDF, a scan or photograph in, values with their place on the page out."""

from __future__ import annotations

from careloop.imaging.report.reader import read_page_reports, read_report
from careloop.imaging.report.report import DxaReport, RegionValue, render_text

__all__ = ["DxaReport", "RegionValue", "read_page_reports", "read_report", "render_text"]

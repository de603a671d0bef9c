"""Pages of a report: words with their boxes, straight pictures, and the scan printed in them."""

from __future__ import annotations

from careloop.imaging.report.page.reading import read_pages
from careloop.imaging.report.page.scan_picture import ScanPicture, find_scan_pictures
from careloop.imaging.report.page.straightening import straighten

__all__ = ["ScanPicture", "find_scan_pictures", "read_pages", "straighten"]

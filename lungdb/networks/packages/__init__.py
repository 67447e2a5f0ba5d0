"""Networks in zip archives, such as NuGet's packages, with what prepares their input."""

from lungdb.networks.packages.archive import is_package
from lungdb.networks.packages.means import read_mean_file
from lungdb.networks.packages.package import Package, read_package, subtract_mean

__all__ = ["Package", "is_package", "read_mean_file", "read_package", "subtract_mean"]

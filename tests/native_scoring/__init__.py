"""Models of trees and coefficients are scored with T-SQL alone."""

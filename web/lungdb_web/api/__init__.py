"""/api/v1: patients, scans, predictions and models for programs, with an OpenAPI document made from the code."""

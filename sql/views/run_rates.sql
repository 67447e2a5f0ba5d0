-- How fast slices went through a procedure or loader, by day, in UTC, and by ONNX Runtime's provider: of the steps that count slices.
CREATE OR ALTER VIEW dbo.run_rates AS
SELECT r.procedure_name, CAST(s.at AS DATE) AS day, s.provider, COUNT(DISTINCT s.run_id) AS runs, SUM(s.scans) AS scans,
    SUM(s.slices) AS slices, SUM(s.seconds) AS seconds, SUM(s.slices) / NULLIF(SUM(s.seconds), 0) AS slices_per_second,
    SUM(s.cpu_seconds) AS cpu_seconds, MAX(s.peak_megabytes) AS peak_megabytes
FROM dbo.run_steps AS s
INNER JOIN dbo.runs AS r ON r.run_id = s.run_id
WHERE s.slices IS NOT NULL
GROUP BY r.procedure_name, CAST(s.at AS DATE), s.provider;

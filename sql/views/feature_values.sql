-- Every pooled feature as a row, so that T-SQL can read it with no Python.
CREATE OR ALTER VIEW dbo.feature_values
AS
SELECT
    p.scan_id,
    p.feature_set_id,
    p.pooling,
    CAST(v.[key] AS INT) AS feature_index,
    CAST(v.[value] AS REAL) AS value
FROM dbo.pooled_features AS p
CROSS APPLY OPENJSON(p.vector) AS v;

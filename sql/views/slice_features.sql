-- Every feature of every triple of slices as a row, so that T-SQL can read activations with no Python. feature counts from 0, as in the
-- vectors that are pooled of them; first_slice is the first of the triple's three slices. Ask for a scan, a feature set and a feature: all
-- of a database are more rows than anybody wants. value is the float32 that stands in dbo.features.array, bit by bit.
CREATE OR ALTER VIEW dbo.slice_features
AS
SELECT
    b.scan_id,
    b.feature_set_id,
    b.triple,
    3 * b.triple AS first_slice,
    b.feature,
    CAST(CASE WHEN b.bits < 0 THEN -1 ELSE 1 END * CASE
        WHEN b.bits & 2139095040 = 0 THEN (b.bits & 8388607) * POWER(CAST(2 AS FLOAT), -149)
        ELSE (1 + (b.bits & 8388607) / CAST(8388608 AS FLOAT)) * POWER(CAST(2 AS FLOAT), (b.bits & 2139095040) / 8388608 - 127) END
        AS REAL) AS value
FROM (
    SELECT f.scan_id, f.feature_set_id, 256 * th.number + tl.number AS triple, 256 * ch.number + cl.number AS feature,
        CAST(
            SUBSTRING(f.array, 4 * ((256 * th.number + tl.number) * f.array_cols + 256 * ch.number + cl.number) + 4, 1)
            + SUBSTRING(f.array, 4 * ((256 * th.number + tl.number) * f.array_cols + 256 * ch.number + cl.number) + 3, 1)
            + SUBSTRING(f.array, 4 * ((256 * th.number + tl.number) * f.array_cols + 256 * ch.number + cl.number) + 2, 1)
            + SUBSTRING(f.array, 4 * ((256 * th.number + tl.number) * f.array_cols + 256 * ch.number + cl.number) + 1, 1)
            AS INT) AS bits
    FROM dbo.features AS f
    INNER JOIN dbo.byte_values AS th ON 256 * th.number < f.array_rows
    INNER JOIN dbo.byte_values AS tl ON 256 * th.number + tl.number < f.array_rows
    INNER JOIN dbo.byte_values AS ch ON 256 * ch.number < f.array_cols
    INNER JOIN dbo.byte_values AS cl ON 256 * ch.number + cl.number < f.array_cols) AS b;

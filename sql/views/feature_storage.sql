-- What features and their maps take, and prepared pictures, which GenerateFeatures keeps where the setting prepared_gigabytes is above 0.
-- Of a way of preparing: seconds that a slice costs to make of what is stored, to read as kept, and to write, each with its way to the
-- script or back, by its bytes; and what keeping has saved so far, less the writing. is_worth_reading: reading costs less than making.
-- is_worth_keeping: as many calls again as there have been save more than the writing costs. NULL: not measured yet, which a few scans are
-- kept for.
CREATE OR ALTER VIEW dbo.feature_storage
AS
SELECT
    N'prepared pictures' AS kind,
    CAST(NULL AS INT) AS feature_set_id,
    CONCAT(c.preprocessing, N', ', c.picture_rows, N' x ', c.picture_cols) AS name,
    c.preprocessing,
    c.picture_rows,
    c.picture_cols,
    (SELECT COUNT(*) FROM dbo.prepared_scans AS p WHERE p.preprocessing = c.preprocessing AND p.picture_rows = c.picture_rows
        AND p.picture_cols = c.picture_cols) AS scans,
    (SELECT COALESCE(SUM(p.bytes), 0) FROM dbo.prepared_scans AS p WHERE p.preprocessing = c.preprocessing
        AND p.picture_rows = c.picture_rows AND p.picture_cols = c.picture_cols) AS bytes,
    c.calls,
    c.make_seconds,
    c.read_seconds,
    c.write_seconds,
    c.read_slices * (c.make_seconds - c.read_seconds) - c.written_slices * c.write_seconds AS seconds_saved,
    CASE WHEN c.read_seconds >= c.make_seconds THEN 0 WHEN c.read_seconds < c.make_seconds THEN 1 END AS is_worth_reading,
    CASE
        WHEN c.calls * (c.make_seconds - c.read_seconds) <= c.write_seconds THEN 0
        WHEN c.calls * (c.make_seconds - c.read_seconds) > c.write_seconds THEN 1
    END AS is_worth_keeping
FROM (
    SELECT preprocessing, picture_rows, picture_cols, calls, read_slices, written_slices,
        (made_seconds + made_bytes * sent_seconds / NULLIF(sent_bytes, 0)) / NULLIF(made_slices, 0) AS make_seconds,
        (read_seconds + read_bytes * sent_seconds / NULLIF(sent_bytes, 0)) / NULLIF(read_slices, 0) AS read_seconds,
        (written_seconds + written_bytes * sent_seconds / NULLIF(sent_bytes, 0)) / NULLIF(written_slices, 0) AS write_seconds
    FROM dbo.preparation_costs) AS c
UNION ALL
SELECT N'features', f.feature_set_id, CONCAT(n.name, N'/', f.layer, N'/', f.preprocessing), f.preprocessing, NULL, NULL,
    (SELECT COUNT(*) FROM dbo.features AS a WHERE a.feature_set_id = f.feature_set_id),
    (SELECT COALESCE(SUM(CAST(DATALENGTH(a.array) AS BIGINT)), 0) FROM dbo.features AS a WHERE a.feature_set_id = f.feature_set_id),
    NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM dbo.feature_sets AS f
INNER JOIN dbo.networks AS n ON n.network_id = f.network_id
WHERE f.preprocessing <> N'image'
UNION ALL
SELECT N'maps', f.feature_set_id, CONCAT(n.name, N'/', f.layer, N'/', f.preprocessing), f.preprocessing, NULL, NULL, m.scans, m.bytes,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM (
    SELECT feature_set_id, COUNT(DISTINCT scan_id) AS scans, SUM(CAST(2 AS BIGINT) * channels * map_rows * map_cols) AS bytes
    FROM dbo.slice_maps
    GROUP BY feature_set_id) AS m
INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = m.feature_set_id
INNER JOIN dbo.networks AS n ON n.network_id = f.network_id;

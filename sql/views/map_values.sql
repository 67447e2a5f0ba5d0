-- Every value of every map in dbo.slice_maps as a row, so that T-SQL can read it with no Python: the float16 there, bit by bit, times the
-- scale. channel, map_row and map_col count from 0; first_slice is the first of the triple's three slices. Ask for a scan, a feature set, a
-- triple and a channel: all of a database are more rows than anybody wants.
CREATE OR ALTER VIEW dbo.map_values
AS
SELECT
    b.scan_id,
    b.feature_set_id,
    b.triple,
    3 * b.triple AS first_slice,
    b.channel,
    b.map_row,
    b.map_col,
    b.scale * CASE WHEN b.bits >= 32768 THEN -1 ELSE 1 END * CASE
        WHEN b.bits & 31744 = 0 THEN (b.bits & 1023) * POWER(CAST(2 AS FLOAT), -24)
        ELSE (1 + (b.bits & 1023) / CAST(1024 AS FLOAT)) * POWER(CAST(2 AS FLOAT), (b.bits & 31744) / 1024 - 15) END AS value
FROM (
    SELECT p.scan_id, p.feature_set_id, p.triple, p.scale, p.channel, p.map_row, p.map_col,
        CAST(SUBSTRING(p.map, 2 * p.place + 2, 1) + SUBSTRING(p.map, 2 * p.place + 1, 1) AS INT) AS bits
    FROM (
        SELECT m.scan_id, m.feature_set_id, m.triple, m.scale, m.map, 256 * kh.number + kl.number AS channel,
            256 * rh.number + rl.number AS map_row, 256 * ch.number + cl.number AS map_col,
            ((256 * kh.number + kl.number) * m.map_rows + 256 * rh.number + rl.number) * m.map_cols + 256 * ch.number + cl.number AS place
        FROM dbo.slice_maps AS m
        INNER JOIN dbo.byte_values AS kh ON 256 * kh.number < m.channels
        INNER JOIN dbo.byte_values AS kl ON 256 * kh.number + kl.number < m.channels
        INNER JOIN dbo.byte_values AS rh ON 256 * rh.number < m.map_rows
        INNER JOIN dbo.byte_values AS rl ON 256 * rh.number + rl.number < m.map_rows
        INNER JOIN dbo.byte_values AS ch ON 256 * ch.number < m.map_cols
        INNER JOIN dbo.byte_values AS cl ON 256 * ch.number + cl.number < m.map_cols) AS p) AS b;

-- All of them, wherever some are missing.
INSERT INTO dbo.byte_values (number)
SELECT 16 * h.digit + l.digit
FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15)) AS h (digit)
CROSS JOIN (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15)) AS l (digit)
WHERE NOT EXISTS (SELECT 1 FROM dbo.byte_values AS b WHERE b.number = 16 * h.digit + l.digit);

-- Scores the digits that 22_digits.sql has brought, with T-SQL alone, and says how many were right and how long a digit took; then the
-- time of a network of 784-100-10, as large as one for pictures of 28 by 28, whose weights and pictures are made up.
DECLARE @Begun DATETIME2 = SYSUTCDATETIME(), @Digits INT, @Right INT, @Milliseconds FLOAT;
EXECUTE dbo.ScoreNetworkSql @ModelName = N'digits_network', @Dataset = N'digits_test', @Keep = 1;
SET @Milliseconds = DATEDIFF(MILLISECOND, @Begun, SYSUTCDATETIME());
SELECT @Digits = COUNT(*), @Right = SUM(CASE WHEN b.label = y.label THEN 1 ELSE 0 END)
FROM dbo.example_labels AS y
INNER JOIN (
    SELECT example_id, label, ROW_NUMBER() OVER (PARTITION BY example_id ORDER BY probability DESC, label) AS place
    FROM dbo.network_probabilities
    WHERE network = N'digits_network' AND dataset = N'digits_test') AS b ON b.example_id = y.example_id AND b.place = 1
WHERE y.dataset = N'digits_test';
PRINT CONCAT(N'64-100-10: ', @Right, N' of ', @Digits, N' digits right, ', STR(100.0 * @Right / @Digits, 6, 2), N' %;',
    STR(@Milliseconds / @Digits, 8, 3), N' ms a digit.');

-- Numbers from 0 on, of which the made-up weights and pictures are computed.
CREATE TABLE #numbers (n INT NOT NULL PRIMARY KEY);
INSERT INTO #numbers (n)
SELECT TOP (784) ROW_NUMBER() OVER (ORDER BY a.number, b.number) - 1
FROM dbo.byte_values AS a
CROSS JOIN dbo.byte_values AS b
WHERE a.number < 4;
BEGIN TRANSACTION;
DELETE FROM dbo.examples WHERE dataset = N'made_up_pictures';
DELETE FROM dbo.tensors WHERE network = N'made_up_network';
DELETE FROM dbo.dense_layers WHERE network = N'made_up_network';
-- Of ten pictures every fifth number is not 0, as in handwritten digits.
INSERT INTO dbo.examples (dataset, example_id, feature_index, value)
SELECT N'made_up_pictures', e.n, f.n, CASE WHEN (e.n + f.n) % 5 = 0 THEN (e.n * 31 + f.n * 17) % 97 / 97.0 ELSE 0 END
FROM #numbers AS e
CROSS JOIN #numbers AS f
WHERE e.n < 10;
INSERT INTO dbo.datasets (name, kind)
SELECT N'made_up_pictures', 'examples'
WHERE NOT EXISTS (SELECT 1 FROM dbo.datasets WHERE name = N'made_up_pictures');
INSERT INTO dbo.dense_layers (network, layer, inputs, units, activation)
VALUES (N'made_up_network', 0, 784, 100, N'relu'), (N'made_up_network', 1, 100, 10, N'softmax');
INSERT INTO dbo.tensors (network, tensor, row_index, column_index, value)
SELECT N'made_up_network', N'0.weight', i.n, u.n, ((i.n * 37 + u.n * 101) % 199 - 99) / 1000.0
FROM #numbers AS i
CROSS JOIN #numbers AS u
WHERE u.n < 100
UNION ALL
SELECT N'made_up_network', N'1.weight', i.n, u.n, ((i.n * 53 + u.n * 71) % 199 - 99) / 1000.0
FROM #numbers AS i
CROSS JOIN #numbers AS u
WHERE i.n < 100 AND u.n < 10
UNION ALL
SELECT N'made_up_network', N'0.bias', 0, u.n, 0.0
FROM #numbers AS u
WHERE u.n < 100
UNION ALL
SELECT N'made_up_network', N'1.bias', 0, u.n, 0.0
FROM #numbers AS u
WHERE u.n < 10;
COMMIT TRANSACTION;
SET @Begun = SYSUTCDATETIME();
EXECUTE dbo.ScoreNetworkSql @ModelName = N'made_up_network', @Dataset = N'made_up_pictures';
SET @Milliseconds = DATEDIFF(MILLISECOND, @Begun, SYSUTCDATETIME());
PRINT CONCAT(N'784-100-10:', STR(@Milliseconds / 10, 8, 3), N' ms a picture.');
DROP TABLE #numbers;

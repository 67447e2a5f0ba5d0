-- The SHA-256 of vectors and of a model's rows. How padding was read, the energy of a scan: what was loaded before is of intake rule 1.
WHILE EXISTS (SELECT 1 FROM dbo.pooled_features WHERE vector_sha256 IS NULL)
    UPDATE TOP (2000) dbo.pooled_features
    SET vector_sha256 = HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), vector))
    WHERE vector_sha256 IS NULL;
GO
-- The rows of a logistic regression are compared with the model itself first: where they differ, or where the bytes are not those that
-- were stored, there is no digest, so that it is refused until StoreModelNodes has made them again. Trees can be read by Python only.
DECLARE @models TABLE (classifier_id INT NOT NULL PRIMARY KEY, json NVARCHAR(MAX) NOT NULL);
DECLARE @terms TABLE (
    classifier_id INT NOT NULL, feature_index INT NOT NULL, name VARCHAR(12) NOT NULL, value FLOAT NULL,
    PRIMARY KEY (classifier_id, feature_index, name));
DECLARE @kept TABLE (classifier_id INT NOT NULL PRIMARY KEY);
INSERT INTO @models (classifier_id, json)
SELECT c.classifier_id, CAST(CAST(c.model AS VARCHAR(MAX)) AS NVARCHAR(MAX))
FROM dbo.classifiers AS c
WHERE c.library = N'logistic' AND c.sha256 = HASHBYTES('SHA2_256', c.model)
    AND ISJSON(CAST(CAST(c.model AS VARCHAR(MAX)) AS NVARCHAR(MAX))) = 1;
INSERT INTO @terms (classifier_id, feature_index, name, value)
SELECT m.classifier_id, CAST(t.[key] AS INT), 'coefficient', TRY_CAST(t.[value] AS FLOAT)
FROM @models AS m
CROSS APPLY OPENJSON(m.json, N'$.coefficients') AS t;
INSERT INTO @terms (classifier_id, feature_index, name, value)
SELECT m.classifier_id, CAST(t.[key] AS INT), 'mean', TRY_CAST(t.[value] AS FLOAT)
FROM @models AS m
CROSS APPLY OPENJSON(m.json, N'$.mean') AS t;
INSERT INTO @terms (classifier_id, feature_index, name, value)
SELECT m.classifier_id, CAST(t.[key] AS INT), 'scale', TRY_CAST(t.[value] AS FLOAT)
FROM @models AS m
CROSS APPLY OPENJSON(m.json, N'$.scale') AS t;
INSERT INTO @kept (classifier_id)
SELECT s.classifier_id
FROM dbo.model_scoring AS s
INNER JOIN dbo.classifiers AS c ON c.classifier_id = s.classifier_id
WHERE s.trees > 0 AND c.sha256 = HASHBYTES('SHA2_256', c.model);
INSERT INTO @kept (classifier_id)
SELECT s.classifier_id
FROM dbo.model_scoring AS s
INNER JOIN @models AS m ON m.classifier_id = s.classifier_id
WHERE s.trees = 0 AND TRY_CAST(JSON_VALUE(m.json, N'$.intercept') AS FLOAT) = s.intercept
    AND s.width = (SELECT COUNT(*) FROM dbo.model_coefficients AS k WHERE k.classifier_id = s.classifier_id)
    AND 3 * s.width = (SELECT COUNT(*) FROM @terms AS t WHERE t.classifier_id = s.classifier_id)
    AND 3 * s.width = (
        SELECT COUNT(*)
        FROM @terms AS t
        INNER JOIN dbo.model_coefficients AS k ON k.classifier_id = t.classifier_id AND k.feature_index = t.feature_index
        WHERE t.classifier_id = s.classifier_id
            AND t.value = CASE t.name WHEN 'coefficient' THEN k.coefficient WHEN 'mean' THEN k.mean ELSE k.scale END);
WHILE EXISTS (
    SELECT 1 FROM dbo.model_scoring AS s INNER JOIN @kept AS q ON q.classifier_id = s.classifier_id WHERE s.rows_sha256 IS NULL)
    UPDATE TOP (20) s
    SET s.rows_sha256 = HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), CAST(CONCAT(
        CONVERT(VARCHAR(64), (SELECT c.sha256 FROM dbo.classifiers AS c WHERE c.classifier_id = s.classifier_id), 2), ',',
        s.width, ',', s.trees, ',', CONVERT(VARCHAR(16), CAST(s.divisor AS BINARY(8)), 2), ',',
        CONVERT(VARCHAR(16), CAST(s.steepness AS BINARY(8)), 2), ',',
        CONVERT(VARCHAR(16), CAST(CASE WHEN s.intercept = 0 THEN 0 ELSE s.intercept END AS BINARY(8)), 2), ',',
        CONVERT(VARCHAR(16), CAST(s.prevalence AS BINARY(8)), 2), CHAR(10),
        (SELECT STRING_AGG(CAST(CONCAT('n', n.tree, ',', n.node, ',', n.feature_index, ',',
                CONVERT(VARCHAR(16), CAST(CASE WHEN n.threshold = 0 THEN 0 ELSE n.threshold END AS BINARY(8)), 2), ',', n.missing, ',',
                n.default_left, ',', n.left_node, ',', n.right_node, ',',
                CONVERT(VARCHAR(16), CAST(CASE WHEN n.leaf_value = 0 THEN 0 ELSE n.leaf_value END AS BINARY(8)), 2)) AS VARCHAR(MAX)),
                CHAR(10)) WITHIN GROUP (ORDER BY n.tree, n.node)
            FROM dbo.model_nodes AS n WHERE n.classifier_id = s.classifier_id), CHAR(10),
        (SELECT STRING_AGG(CAST(CONCAT('c', k.feature_index, ',',
                CONVERT(VARCHAR(16), CAST(CASE WHEN k.mean = 0 THEN 0 ELSE k.mean END AS BINARY(8)), 2), ',',
                CONVERT(VARCHAR(16), CAST(k.scale AS BINARY(8)), 2), ',',
                CONVERT(VARCHAR(16), CAST(CASE WHEN k.coefficient = 0 THEN 0 ELSE k.coefficient END AS BINARY(8)), 2)) AS VARCHAR(MAX)),
                CHAR(10)) WITHIN GROUP (ORDER BY k.feature_index)
            FROM dbo.model_coefficients AS k WHERE k.classifier_id = s.classifier_id), CHAR(10),
        (SELECT STRING_AGG(CAST(CONCAT('p', p.position, ',', p.method, ',',
                CONVERT(VARCHAR(16), CAST(CASE WHEN p.x = 0 THEN 0 ELSE p.x END AS BINARY(8)), 2), ',',
                CONVERT(VARCHAR(16), CAST(CASE WHEN p.y = 0 THEN 0 ELSE p.y END AS BINARY(8)), 2)) AS VARCHAR(MAX)),
                CHAR(10)) WITHIN GROUP (ORDER BY p.position)
            FROM dbo.model_calibration AS p WHERE p.classifier_id = s.classifier_id), CHAR(10)) AS VARCHAR(MAX))))
    FROM dbo.model_scoring AS s
    WHERE s.rows_sha256 IS NULL AND EXISTS (SELECT 1 FROM @kept AS q WHERE q.classifier_id = s.classifier_id);
IF EXISTS (SELECT 1 FROM dbo.model_scoring WHERE rows_sha256 IS NULL)
    PRINT N'Some models have rows in dbo.model_scoring that are not those of the model itself. Call StoreModelNodes for them.';
IF EXISTS (SELECT 1 FROM dbo.model_scoring WHERE trees > 0)
    PRINT N'The nodes of trees are taken as they stand. Call StoreModelNodes for a model to make them again from the model itself.';

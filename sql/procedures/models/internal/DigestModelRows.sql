-- DigestModelRows: the SHA-256 of a model's rows as they stand, which dbo.model_scoring keeps and whoever scores with them compares.
-- It is over ASCII text, a line a row: the row of dbo.model_scoring behind the model's own SHA-256, then nodes, coefficients,
-- calibration, layers and tensors in order of their keys, floats as the 16 hexadecimal digits of their 8 bytes. Of an ensemble the digests
-- of its members follow, of their rows as they stand.
-- Called by FindScoring, StoreNodes, TakeCopiedModel and itself.
CREATE OR ALTER PROCEDURE internal.DigestModelRows
    @ClassifierId INT,             -- the model
    @Sha256 VARBINARY(32) OUTPUT   -- the SHA-256, or NULL where it has no row in dbo.model_scoring
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Text VARCHAR(MAX), @Line CHAR(1) = CHAR(10), @Network NVARCHAR(128) = CONCAT(N'classifier/', @ClassifierId);
    DECLARE @Position INT, @FirstIndex INT, @MemberId INT, @Member VARBINARY(32);
    SELECT @Text = CONCAT(CONVERT(VARCHAR(64), c.sha256, 2), ',', s.width, ',', s.trees, ',',
        CONVERT(VARCHAR(16), CAST(s.divisor AS BINARY(8)), 2), ',', CONVERT(VARCHAR(16), CAST(s.steepness AS BINARY(8)), 2), ',',
        CONVERT(VARCHAR(16), CAST(CASE WHEN s.intercept = 0 THEN 0 ELSE s.intercept END AS BINARY(8)), 2), ',',
        CONVERT(VARCHAR(16), CAST(s.prevalence AS BINARY(8)), 2), IIF(c.task = 'regression', ',regression', ''), @Line)
    FROM dbo.model_scoring AS s
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = s.classifier_id
    WHERE s.classifier_id = @ClassifierId;
    SET @Sha256 = NULL;
    IF @Text IS NULL
        RETURN 0;

    -- A zero has one sign here: a database need not keep the other.
    SELECT @Text = CONCAT(@Text, STRING_AGG(CAST(CONCAT('n', n.tree, ',', n.node, ',', n.feature_index, ',',
        CONVERT(VARCHAR(16), CAST(CASE WHEN n.threshold = 0 THEN 0 ELSE n.threshold END AS BINARY(8)), 2), ',', n.missing, ',',
        n.default_left, ',', n.left_node, ',', n.right_node, ',',
        CONVERT(VARCHAR(16), CAST(CASE WHEN n.leaf_value = 0 THEN 0 ELSE n.leaf_value END AS BINARY(8)), 2)) AS VARCHAR(MAX)),
        @Line) WITHIN GROUP (ORDER BY n.tree, n.node), @Line)
    FROM dbo.model_nodes AS n
    WHERE n.classifier_id = @ClassifierId;
    SELECT @Text = CONCAT(@Text, STRING_AGG(CAST(CONCAT('c', k.feature_index, ',',
        CONVERT(VARCHAR(16), CAST(CASE WHEN k.mean = 0 THEN 0 ELSE k.mean END AS BINARY(8)), 2), ',',
        CONVERT(VARCHAR(16), CAST(k.scale AS BINARY(8)), 2), ',',
        CONVERT(VARCHAR(16), CAST(CASE WHEN k.coefficient = 0 THEN 0 ELSE k.coefficient END AS BINARY(8)), 2)) AS VARCHAR(MAX)),
        @Line) WITHIN GROUP (ORDER BY k.feature_index), @Line)
    FROM dbo.model_coefficients AS k
    WHERE k.classifier_id = @ClassifierId;
    SELECT @Text = CONCAT(@Text, STRING_AGG(CAST(CONCAT('p', p.position, ',', p.method, ',',
        CONVERT(VARCHAR(16), CAST(CASE WHEN p.x = 0 THEN 0 ELSE p.x END AS BINARY(8)), 2), ',',
        CONVERT(VARCHAR(16), CAST(CASE WHEN p.y = 0 THEN 0 ELSE p.y END AS BINARY(8)), 2)) AS VARCHAR(MAX)),
        @Line) WITHIN GROUP (ORDER BY p.position), @Line)
    FROM dbo.model_calibration AS p
    WHERE p.classifier_id = @ClassifierId;
    SELECT @Text = CONCAT(@Text, STRING_AGG(CAST(CONCAT('l', d.layer, ',', d.inputs, ',', d.units, ',', CAST(d.activation AS VARCHAR(16)))
        AS VARCHAR(MAX)), @Line) WITHIN GROUP (ORDER BY d.layer), @Line)
    FROM dbo.dense_layers AS d
    WHERE d.network = @Network
    HAVING COUNT(*) > 0;
    SELECT @Text = CONCAT(@Text, STRING_AGG(CAST(CONCAT('t', CAST(t.tensor AS VARCHAR(64)), ',', t.row_index, ',', t.column_index, ',',
        CONVERT(VARCHAR(16), CAST(CASE WHEN t.value = 0 THEN 0 ELSE t.value END AS BINARY(8)), 2)) AS VARCHAR(MAX)),
        @Line) WITHIN GROUP (ORDER BY t.tensor, t.row_index, t.column_index), @Line)
    FROM dbo.tensors AS t
    WHERE t.network = @Network
    HAVING COUNT(*) > 0;

    SET @Position = (SELECT MIN(position) FROM dbo.ensemble_members WHERE classifier_id = @ClassifierId);
    WHILE @Position IS NOT NULL
    BEGIN
        SELECT @MemberId = member_classifier_id, @FirstIndex = first_index
        FROM dbo.ensemble_members
        WHERE classifier_id = @ClassifierId AND position = @Position;
        EXECUTE internal.DigestModelRows @MemberId, @Member OUTPUT;
        SET @Text = CONCAT(@Text, 'm', @Position, ',', @FirstIndex, ',', CONVERT(VARCHAR(64), @Member, 2), @Line);
        SET @Position = (
            SELECT MIN(position) FROM dbo.ensemble_members WHERE classifier_id = @ClassifierId AND position > @Position);
    END;
    SET @Sha256 = HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), @Text));
END;

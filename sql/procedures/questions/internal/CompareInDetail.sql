-- CompareInDetail: of two models on their common test scans the agreement of their errors, their figures by subgroup, how alike the spaces
-- of their features are, and the features that only one of them uses.
-- Called by CompareModels, which has counted the look, and whose tables #evaluated, #groups and #grouped it reads.
CREATE OR ALTER PROCEDURE internal.CompareInDetail
    @ClassifierA INT,               -- a model
    @ClassifierB INT,               -- another
    @Metric NVARCHAR(64),           -- auc, average_precision, log_loss or brier
    @Threshold FLOAT,               -- percent from which a score counts as cancer
    @RunId INT                      -- row of dbo.runs that ends with a refusal
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ErrorNumber INT, @ErrorMessage NVARCHAR(2000), @Language NVARCHAR(128), @Seed INT = 20170401;
    DECLARE @SetA INT, @SetB INT, @PoolingA NVARCHAR(32), @PoolingB NVARCHAR(32), @WidthA INT, @WidthB INT;
    EXECUTE internal.ReadSettings @Language OUTPUT;
    CREATE TABLE #wanted (scan_id INT NOT NULL PRIMARY KEY);
    CREATE TABLE #space (scan_id INT NOT NULL PRIMARY KEY, vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #named (first_index INT NOT NULL, width INT NOT NULL, name NVARCHAR(700) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #other_space (scan_id INT NOT NULL PRIMARY KEY, vector NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL);
    CREATE TABLE #used (
        model CHAR(1) COLLATE DATABASE_DEFAULT NOT NULL, feature_index INT NOT NULL, name NVARCHAR(720) COLLATE DATABASE_DEFAULT NULL,
        splits INT NULL, coefficient FLOAT NULL);
    CREATE TABLE #rows (
        place INT NOT NULL PRIMARY KEY, patient INT NOT NULL, label INT NOT NULL, a FLOAT NOT NULL, b FLOAT NOT NULL,
        groups NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL, vector_a NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL,
        vector_b NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NULL);
    CREATE TABLE #told (
        kind NVARCHAR(20) COLLATE DATABASE_DEFAULT NULL, group_id INT NULL, value_a FLOAT NULL, value_b FLOAT NULL, low FLOAT NULL,
        high FLOAT NULL);
    CREATE TABLE #sent (place INT NOT NULL, part INT NOT NULL);
    CREATE TABLE #came (place INT NULL, part INT NULL);

    SELECT @SetA = feature_set_id, @PoolingA = pooling FROM dbo.classifiers WHERE classifier_id = @ClassifierA;
    SELECT @SetB = feature_set_id, @PoolingB = pooling FROM dbo.classifiers WHERE classifier_id = @ClassifierB;
    INSERT INTO #wanted (scan_id)
    SELECT DISTINCT scan_id FROM #evaluated WHERE scan_id IS NOT NULL;
    BEGIN TRY
        EXECUTE internal.TakeSpace NULL, NULL, @PoolingA, @SetA;
        SET @WidthA = (SELECT SUM(width) FROM #named);
        EXECUTE internal.TakeUsedFeatures @ClassifierA, 'a';
        INSERT INTO #other_space (scan_id, vector)
        SELECT scan_id, vector FROM #space;
        DELETE FROM #space;
        DELETE FROM #named;
        EXECUTE internal.TakeSpace NULL, NULL, @PoolingB, @SetB;
        SET @WidthB = (SELECT SUM(width) FROM #named);
        EXECUTE internal.TakeUsedFeatures @ClassifierB, 'b';
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Message = ERROR_MESSAGE();
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;

    INSERT INTO #rows (place, patient, label, a, b, groups, vector_a, vector_b)
    SELECT e.place, e.patient, CAST(e.label AS INT), e.a, e.b, g.groups, x.vector, y.vector
    FROM #evaluated AS e
    LEFT JOIN (
        SELECT place, STRING_AGG(CAST(group_id AS NVARCHAR(MAX)), N',') WITHIN GROUP (ORDER BY group_id) AS groups
        FROM #grouped
        GROUP BY place) AS g ON g.place = e.place
    LEFT JOIN #other_space AS x ON x.scan_id = e.scan_id
    LEFT JOIN #space AS y ON y.scan_id = e.scan_id;
    INSERT INTO #told (kind, group_id, value_a, value_b, low, high)
    EXECUTE sp_execute_external_script
        @language = @Language,
        @script = N'
def main(scans, metric, threshold, seed):
    from lungdb.procedures import contrast_models
    return contrast_models(scans, metric, threshold, seed)

OutputDataSet, ErrorNumber, ErrorMessage = main(InputDataSet, Metric, Threshold, Seed)
',
        @input_data_1 = N'SELECT patient, label, a, b, groups, vector_a, vector_b FROM #rows ORDER BY place;',
        @params = N'@Metric NVARCHAR(64), @Threshold FLOAT, @Seed INT, @ErrorNumber INT OUTPUT, @ErrorMessage NVARCHAR(2000) OUTPUT',
        @Metric = @Metric, @Threshold = @Threshold, @Seed = @Seed,
        @ErrorNumber = @ErrorNumber OUTPUT, @ErrorMessage = @ErrorMessage OUTPUT;
    IF @ErrorNumber <> 0
        EXECUTE internal.EndRun @RunId, 0, @ErrorMessage;
    IF @ErrorNumber <> 0
    BEGIN
        SET @Message = REPLACE(@ErrorMessage, N'%', N'%%');
        THROW @ErrorNumber, @Message, 1;
    END;
    INSERT INTO #sent (place, part)
    SELECT group_id, 0 FROM #groups WHERE values_hidden IS NULL
    UNION ALL
    SELECT -1, k.part FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS k (part);
    INSERT INTO #came (place, part)
    SELECT group_id, CASE kind WHEN N'group' THEN 0 WHEN N'both right' THEN 1 WHEN N'only a wrong' THEN 2 WHEN N'only b wrong' THEN 3
        WHEN N'both wrong' THEN 4 WHEN N'kappa' THEN 5 WHEN N'mcnemar' THEN 6 WHEN N'scans' THEN 7 WHEN N'cka' THEN 8
        WHEN N'unbiased cka' THEN 9 ELSE -1 END
    FROM #told;
    EXECUTE internal.CheckRows N'groups', @RunId;

    SELECT @Threshold AS threshold_percent, (SELECT COUNT(*) FROM #evaluated) AS scans,
        MAX(CASE kind WHEN N'both right' THEN CAST(value_a AS INT) END) AS both_right,
        MAX(CASE kind WHEN N'only a wrong' THEN CAST(value_a AS INT) END) AS only_a_wrong,
        MAX(CASE kind WHEN N'only b wrong' THEN CAST(value_a AS INT) END) AS only_b_wrong,
        MAX(CASE kind WHEN N'both wrong' THEN CAST(value_a AS INT) END) AS both_wrong,
        MAX(CASE kind WHEN N'kappa' THEN value_a END) AS kappa_of_errors, MAX(CASE kind WHEN N'mcnemar' THEN value_a END) AS mcnemar_p
    FROM #told;
    SELECT g.column_name, g.value AS subgroup, COUNT(DISTINCT e.patient) AS patients, COUNT(e.place) AS scans, MAX(t.value_a) AS value_a,
        MAX(t.value_b) AS value_b, MAX(t.value_a - t.value_b) AS difference, MAX(t.low) AS low, MAX(t.high) AS high,
        MAX(g.values_hidden) AS values_hidden
    FROM #groups AS g
    LEFT JOIN #told AS t ON t.kind = N'group' AND t.group_id = g.group_id
    LEFT JOIN #grouped AS m ON m.group_id = g.group_id
    LEFT JOIN #evaluated AS e ON e.place = m.place
    GROUP BY g.group_id, g.column_name, g.value
    ORDER BY g.column_name, g.group_id;
    SELECT MAX(CASE kind WHEN N'scans' THEN CAST(value_a AS INT) END) AS scans, @WidthA AS features_a, @WidthB AS features_b,
        MAX(CASE kind WHEN N'cka' THEN value_a END) AS cka, MAX(CASE kind WHEN N'unbiased cka' THEN value_a END) AS unbiased_cka
    FROM #told;
    SELECT u.model, u.feature_index, u.name, u.splits, u.coefficient
    FROM #used AS u
    WHERE NOT EXISTS (SELECT 1 FROM #used AS o WHERE o.model <> u.model AND o.name = u.name)
    ORDER BY u.model, COALESCE(u.splits, ABS(u.coefficient)) DESC, u.feature_index;
END;

-- LineageOf: where a prediction comes from, step by step: model, training run, features, network, scan and every slice.
-- Example: EXECUTE dbo.LineageOf @PredictionId = 1;
CREATE OR ALTER PROCEDURE dbo.LineageOf
    @PredictionId INT = NULL, -- prediction_id of dbo.predictions; needed
    @Help BIT = 0             -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.LineageOf lists where a prediction comes from: the model and its training run with its test figures, the patients that
it learnt from, the pooled vector as it was scored, how it was explained, features, layer and network, the scan and every slice,
with their SHA-256.
The words at the end of a row say when something that is stored no longer is what was used.
Parameters:
    @PredictionId INT = NULL  prediction_id of dbo.predictions; needed
    @Help BIT = 0             1 prints this help and does nothing else
Example:
    EXECUTE dbo.LineageOf @PredictionId = 1;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @ScanId INT, @ClassifierId INT, @FeatureSetId INT, @Pooling NVARCHAR(32), @ExperimentId INT;
    CREATE TABLE #chain (
        position INT NOT NULL, kind NVARCHAR(32) COLLATE DATABASE_DEFAULT NOT NULL, name NVARCHAR(200) COLLATE DATABASE_DEFAULT NULL,
        detail NVARCHAR(2000) COLLATE DATABASE_DEFAULT NULL, sha256 VARBINARY(32) NULL);

    SELECT @ScanId = p.scan_id, @ClassifierId = p.classifier_id, @FeatureSetId = c.feature_set_id, @Pooling = c.pooling,
        @ExperimentId = (SELECT MAX(e.experiment_id) FROM dbo.experiments AS e WHERE e.classifier_id = p.classifier_id)
    FROM dbo.predictions AS p
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = p.classifier_id
    WHERE p.prediction_id = @PredictionId;
    IF @ScanId IS NULL
    BEGIN
        SET @Message = CONCAT(N'There is no prediction with the number ', COALESCE(CAST(@PredictionId AS NVARCHAR(12)), N'NULL'),
            N'. Give a prediction_id of dbo.predictions.');
        THROW 50145, @Message, 1;
    END;

    -- Features that are combined come from those of their parts.
    CREATE TABLE #sets (feature_set_id INT NOT NULL PRIMARY KEY);
    INSERT INTO #sets (feature_set_id)
    SELECT @FeatureSetId
    UNION
    SELECT part_feature_set_id FROM dbo.feature_parts WHERE feature_set_id = @FeatureSetId AND part_feature_set_id IS NOT NULL;

    INSERT INTO #chain (position, kind, name, detail, sha256)
    SELECT 1, N'prediction', CAST(p.prediction_id AS NVARCHAR(12)), CONCAT(IIF(p.probability IS NULL,
        CONCAT(N'predicted ', p.predicted, N', '), CONCAT(N'probability ', p.probability, N', raw ',
        COALESCE(CAST(p.raw_probability AS NVARCHAR(30)), N'not recorded'), N', prevalence ',
        COALESCE(CAST(p.prevalence AS NVARCHAR(30)), N'not corrected'), N', ')),
        CONVERT(NVARCHAR(23), p.predicted_at, 126), N' by ', p.predicted_by,
        N', connected as ' + p.login_name), NULL
    FROM dbo.predictions AS p
    WHERE p.prediction_id = @PredictionId
    UNION ALL
    SELECT 2, N'model', c.name, CONCAT(N'version ', c.version, N', ', c.library, N', made ', CONVERT(NVARCHAR(23), c.created_at, 126),
        IIF(HASHBYTES('SHA2_256', c.model) = c.sha256, N'', N'; the stored bytes are damaged')), c.sha256
    FROM dbo.classifiers AS c
    WHERE c.classifier_id = @ClassifierId
    UNION ALL
    SELECT 2, N'member', c.name, CONCAT(N'version ', c.version, N', ', c.library, N', of the ensemble, made ',
        CONVERT(NVARCHAR(23), c.created_at, 126)), c.sha256
    FROM dbo.ensemble_members AS m
    INNER JOIN dbo.classifiers AS c ON c.classifier_id = m.member_classifier_id
    WHERE m.classifier_id = @ClassifierId
    UNION ALL
    SELECT 3, N'experiment', CAST(e.experiment_id AS NVARCHAR(12)),
        LEFT(CONCAT(N'seed ', e.seed, N', ', CONVERT(NVARCHAR(23), e.started_at, 126), N' to ',
            CONVERT(NVARCHAR(23), e.ended_at, 126), N' by ', e.run_by, N', parameters ', e.parameters), 2000), NULL
    FROM dbo.experiments AS e
    WHERE e.experiment_id = @ExperimentId
    UNION ALL
    SELECT 4, N'patients', p.part, CONCAT(COUNT(DISTINCT p.patient_id), N' patients, ',
        IIF(COUNT(p.target) > 0, CONCAT(N'mean of their numbers ', AVG(p.target)),
            CONCAT(COUNT(DISTINCT CASE WHEN p.label = 1 THEN p.patient_id END), N' with cancer')),
        N'; see dbo.experiment_patients'), NULL
    FROM dbo.experiment_patients AS p
    WHERE p.experiment_id = @ExperimentId
    GROUP BY p.part
    UNION ALL
    SELECT 5, N'test figure', m.metric, COALESCE(CAST(m.value AS NVARCHAR(30)), N'not defined'), NULL
    FROM dbo.experiment_metrics AS m
    WHERE m.experiment_id = @ExperimentId AND m.part = 'test'
        AND m.metric IN (N'auc', N'auc_low', N'auc_high', N'log_loss', N'log_loss_constant', N'brier', N'brier_constant', N'ece',
            N'rmse', N'rmse_low', N'rmse_high', N'rmse_constant', N'mae', N'mae_constant', N'r2', N'spearman')
    UNION ALL
    SELECT 6, N'vector', @Pooling, CASE
            WHEN p.vector_sha256 IS NULL THEN N'not recorded; the SHA-256 is of the vector stored now'
            WHEN v.vector IS NULL THEN N'the stored vector is gone'
            WHEN p.vector_sha256 <> HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), v.vector)) THEN N'another vector is stored now'
            ELSE N'as stored' END,
        COALESCE(p.vector_sha256, HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), v.vector)))
    FROM dbo.predictions AS p
    LEFT JOIN dbo.pooled_features AS v ON v.scan_id = p.scan_id AND v.feature_set_id = @FeatureSetId AND v.pooling = @Pooling
    WHERE p.prediction_id = @PredictionId
    UNION ALL
    SELECT 6, N'explanation', CONVERT(NVARCHAR(23), e.explained_at, 126), CONCAT(N'margin ', e.margin, N', reference ',
        COALESCE(CAST(e.reference_margin AS NVARCHAR(30)), N'none'), N', ',
        (SELECT COUNT(*) FROM dbo.score_contributions AS k WHERE k.prediction_id = e.prediction_id AND k.feature IS NOT NULL),
        N' contributions, ', (SELECT COUNT(*) FROM dbo.score_slices AS k WHERE k.prediction_id = e.prediction_id), N' of slices, ',
        (SELECT COUNT(*) FROM dbo.score_maps AS k WHERE k.prediction_id = e.prediction_id), N' maps, seed ', e.seed, N', ',
        e.permutations, N' permutations, by ', e.explained_by,
        IIF(e.vector_sha256 <> p.vector_sha256, N'; of another vector than was scored', N'')), e.vector_sha256
    FROM dbo.score_explanations AS e
    INNER JOIN dbo.predictions AS p ON p.prediction_id = e.prediction_id
    WHERE e.prediction_id = @PredictionId
    UNION ALL
    SELECT 7, N'features', CAST(f.feature_set_id AS NVARCHAR(12)), CONCAT(f.array_rows, N' × ', f.array_cols,
        IIF(HASHBYTES('SHA2_256', f.array) = f.sha256, N'', N'; the stored bytes are damaged')), f.sha256
    FROM dbo.features AS f
    INNER JOIN #sets AS p ON p.feature_set_id = f.feature_set_id
    WHERE f.scan_id = @ScanId
    UNION ALL
    SELECT 7, N'column', p.column_name, CONCAT(N'of ', p.source, N', as in the vector'), NULL
    FROM dbo.feature_parts AS p
    WHERE p.feature_set_id = @FeatureSetId AND p.column_name IS NOT NULL
    UNION ALL
    SELECT 8, N'network', n.name, CONCAT(N'version ', n.version, N', layer ', fs.layer, N', preprocessing ', fs.preprocessing, N', width ',
        fs.width, IIF(HASHBYTES('SHA2_256', n.model) = n.sha256, N'', N'; the stored bytes are damaged')), n.sha256
    FROM dbo.feature_sets AS fs
    INNER JOIN dbo.networks AS n ON n.network_id = fs.network_id
    INNER JOIN #sets AS p ON p.feature_set_id = fs.feature_set_id
    UNION ALL
    SELECT 9, N'scan', s.series_uid, CONCAT(N'scan_id ', s.scan_id, N' of the patient with index ', p.idx, N', ', s.number_images,
        N' slices of ', s.image_rows, N' × ', s.image_cols, N', whose pixels lie in ' + s.source_uri), s.content_sha256
    FROM dbo.scans AS s
    INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
    WHERE s.scan_id = @ScanId
    UNION ALL
    SELECT 10 + i.slice_index, N'slice', CAST(i.slice_index AS NVARCHAR(12)), CONCAT(N'SOP instance ', i.instance_uid), i.pixels_sha256
    FROM dbo.scan_images AS i
    WHERE i.scan_id = @ScanId;
    SELECT position, kind, name, detail, sha256 FROM #chain ORDER BY position, kind DESC, name;
END;

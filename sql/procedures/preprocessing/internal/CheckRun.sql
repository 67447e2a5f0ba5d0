-- CheckRun: refuses what RunOnDataset cannot work with; finds the features, the table of the results and its columns.
-- Called by RunOnDataset.
CREATE OR ALTER PROCEDURE internal.CheckRun
    @Dataset NVARCHAR(128),        -- name of a data set
    @Script NVARCHAR(MAX),         -- Python
    @What NVARCHAR(16),            -- scans, pictures, features or scores
    @Into NVARCHAR(257),           -- a table
    @Features NVARCHAR(600),       -- name in dbo.pooled_sets, or NULL for the only ones
    @FeatureSetId INT OUTPUT,      -- of the features, or NULL
    @Pooling NVARCHAR(32) OUTPUT,  -- of the features, or NULL
    @Target NVARCHAR(300) OUTPUT,  -- the table, quoted
    @Columns NVARCHAR(MAX) OUTPUT  -- JSON: its columns with their types
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000) = N'', @Number INT, @Found INT, @Names NVARCHAR(1200);
    IF @@TRANCOUNT > 0
    BEGIN
        SET @Message = N'RunOnDataset was called inside a transaction, which a script would hold open. Commit or roll back first.';
        THROW 50100, @Message, 1;
    END;
    IF @Dataset IS NULL
        SET @Message = N'The parameter @Dataset is NULL. Give the name of a data set; see dbo.dataset_list. ';
    IF @Script IS NULL OR LTRIM(RTRIM(@Script)) = N''
        SET @Message = CONCAT(@Message, N'The parameter @Script is NULL or empty. Give Python that sets OutputDataSet. ');
    IF @What IS NULL OR @What NOT IN (N'scans', N'pictures', N'features', N'scores')
        SET @Message = CONCAT(@Message, N'The value ', COALESCE(N'''' + @What + N'''', N'NULL'),
            N' for the parameter @What is not supported. Supported values are scans, pictures, features and scores. ');
    IF @Features IS NOT NULL AND @What <> N'features'
        SET @Message = CONCAT(@Message, N'@Features was given, and @What is ''', @What, N'''. Leave one of them out. ');
    IF @Message <> N''
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;

    SET @Target = (
        SELECT CONCAT(QUOTENAME(s.name), N'.', QUOTENAME(o.name))
        FROM sys.objects AS o
        INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
        WHERE o.object_id = OBJECT_ID(@Into) AND o.type = 'U' AND @Into NOT LIKE N'%.%.%');
    SET @Columns = (
        SELECT CONCAT(N'[', STRING_AGG(CONCAT(CAST(N'{"name": "' AS NVARCHAR(MAX)), STRING_ESCAPE(c.name, 'json'), N'", "type": "',
            t.name, N'", "bytes": ', c.max_length, N', "precision": ', c.[precision], N', "scale": ', c.scale, N', "may_be_missing": ',
            c.is_nullable, N', "may_be_left_out": ', IIF(c.is_nullable = 1 OR c.default_object_id <> 0, 1, 0), N'}'), N', ')
            WITHIN GROUP (ORDER BY c.column_id), N']')
        FROM sys.columns AS c
        INNER JOIN sys.types AS t ON t.user_type_id = c.user_type_id
        WHERE c.object_id = OBJECT_ID(@Into) AND c.is_identity = 0 AND c.is_computed = 0);
    -- A script's rows could give a scan a label, or a user rights.
    IF EXISTS (
        SELECT 1
        FROM sys.objects AS o
        INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
        WHERE o.object_id = OBJECT_ID(@Into) AND s.name = N'dbo' AND o.name IN (
            N'access_tokens', N'accounts', N'animations', N'audit', N'binary_vectors', N'byte_values', N'classifiers', N'dataset_members',
            N'dataset_scalings', N'dataset_versions', N'datasets', N'declared_columns', N'declared_members', N'declared_parts',
            N'dense_layers', N'drift_checks', N'drift_items', N'ensemble_members', N'evaluation_curves', N'evaluation_groups',
            N'evaluation_metrics', N'evaluation_pairs', N'evaluation_scores', N'evaluations', N'example_labels', N'examples',
            N'experiment_curves', N'experiment_metrics', N'experiment_patients', N'experiments', N'extensions', N'feature_parts',
            N'feature_sets', N'features', N'image_classes', N'image_classifiers', N'image_confusions', N'image_features', N'image_labels',
            N'image_lineage', N'image_metrics', N'image_promotions', N'image_properties', N'image_scores', N'image_splits', N'images',
            N'installations', N'labels', N'lung_masks', N'model_calibration', N'model_checks', N'model_coefficients', N'model_nodes',
            N'model_promotions', N'model_scope', N'model_scope_features', N'model_scoring', N'network_layers', N'network_probabilities',
            N'networks', N'nodule_scores', N'nodules', N'numeric_labels', N'page_searches', N'page_secrets', N'patients',
            N'pooled_features', N'predictions', N'preparation_costs', N'prepared_scans', N'prepared_slices', N'preprocessings',
            N'procedure_help', N'rejected_files', N'reports', N'reviews', N'run_steps', N'runs', N'runtime_facts', N'scan_failures',
            N'scan_images', N'scan_labels', N'scans', N'schema_version', N'score_contributions', N'score_explanations', N'score_maps',
            N'score_slices', N'search_trials', N'searches', N'series_choices', N'sessions', N'settings', N'sign_in_links', N'slice_maps',
            N'splits', N'staged_features', N'standard_vectors', N'tensors', N'test_looks', N'training_log', N'work', N'work_items',
            N'work_sessions', N'worklist'))
        SELECT @Number = 50396, @Message = CONCAT(N'The table ''', @Into, N''' is one of lungdb''s own, which only its procedures fill. ',
            N'Make one of your own in this database, with a column for each of OutputDataSet.');
    IF @Number IS NULL AND (@Target IS NULL OR @Columns IS NULL)
        SELECT @Number = 50396, @Message = CONCAT(N'There is no table ', COALESCE(N'''' + @Into + N'''', N'NULL'),
            N' for the results that @Into could mean, or no right to it. ',
            N'Make one in this database, with a column for each of OutputDataSet.');
    IF @Number IS NULL AND @What = N'features'
    BEGIN
        SELECT @Found = COUNT(*), @FeatureSetId = MIN(feature_set_id), @Pooling = MIN(pooling)
        FROM dbo.pooled_sets
        WHERE @Features IS NULL OR name = @Features
        OPTION (RECOMPILE);
        SET @Names = LEFT(COALESCE((
            SELECT STRING_AGG(CAST(name AS NVARCHAR(MAX)), N'; ') WITHIN GROUP (ORDER BY name) FROM dbo.pooled_sets), N'none'), 1200);
        IF @Found <> 1
            SELECT @Number = IIF(@Found = 0, 50278, 50281), @Message = CONCAT(N'Of the features ',
                COALESCE(N'''' + LEFT(@Features, 300) + N'''', N'of any name'), N' there are ', @Found,
                N' kinds. Give the name of one with @Features: ', @Names, N'.');
    END;
    IF @Number IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;
END;

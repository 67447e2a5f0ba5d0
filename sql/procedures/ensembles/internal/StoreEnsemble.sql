-- StoreEnsemble: stores a new ensemble: model, run, members, scope, and its rows where plain T-SQL can score it, all or nothing.
-- Called by CreateEnsemble, whose table #ensemble it reads.
CREATE OR ALTER PROCEDURE internal.StoreEnsemble
    @ModelName NVARCHAR(128),    -- its name
    @FeatureSetId INT,           -- feature set that it reads
    @Pooling NVARCHAR(32),       -- pooling that it reads
    @Classifier VARBINARY(MAX),  -- the model
    @Details NVARCHAR(MAX),      -- as of dbo.classifiers, JSON
    @Seed INT,                   -- of its figures
    @Started DATETIME2(3),       -- when its making began
    @DatasetVersionId INT,       -- version of a data set that all members learnt from, or NULL
    @Horizon INT,                -- days of their labels, or NULL
    @IsScored BIT,               -- 1 where all members have rows that plain T-SQL scores with
    @Width INT,                  -- number of features of a vector
    @Trees INT,                  -- number of trees, 0 for what has none
    @Divisor FLOAT,              -- as of dbo.model_scoring
    @Steepness FLOAT,            -- as of dbo.model_scoring
    @Expected NVARCHAR(MAX),     -- scores that its rows have to give, JSON
    @RunId INT,                  -- row of dbo.runs that ends with a refusal
    @Version INT OUTPUT,         -- its version
    @ExperimentId INT OUTPUT,    -- its row of dbo.experiments
    @Said NVARCHAR(2000) OUTPUT  -- what is to be said of its rows, NULL without
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @ClassifierId INT;
    BEGIN TRY
        BEGIN TRANSACTION;
        EXECUTE internal.StoreExperiment @ModelName, N'ensemble', @FeatureSetId, @Pooling, @Classifier, @Details, @Seed, @Started,
            @DatasetVersionId, @Horizon, @Version OUTPUT, @ExperimentId OUTPUT;
        SET @ClassifierId = (SELECT classifier_id FROM dbo.experiments WHERE experiment_id = @ExperimentId);
        INSERT INTO dbo.ensemble_members (classifier_id, position, member_classifier_id, first_index)
        SELECT @ClassifierId, e.position, e.classifier_id, e.first_index
        FROM #ensemble AS e
        INNER JOIN dbo.classifiers AS c WITH (UPDLOCK, HOLDLOCK) ON c.classifier_id = e.classifier_id AND c.sha256 = e.sha256;
        IF @@ROWCOUNT <> (SELECT COUNT(*) FROM #ensemble)
        BEGIN
            SET @Message = N'A member of the ensemble was deleted or replaced meanwhile. Nothing is stored. Call it again.';
            THROW 50232, @Message, 1;
        END;
        EXECUTE internal.StoreScope @ClassifierId;
        IF @IsScored = 1
            EXECUTE internal.StoreNodes @ModelName, @Version, @Width, @Trees, @Divisor, @Steepness, @Expected, @Said OUTPUT;
        COMMIT TRANSACTION;
    END TRY
    BEGIN CATCH
        IF @@TRANCOUNT > 0
            ROLLBACK TRANSACTION;
        SET @Message = ERROR_MESSAGE();
        EXECUTE internal.EndRun @RunId, 0, @Message;
        THROW;
    END CATCH;
END;

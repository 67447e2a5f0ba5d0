-- ScoreNewScansSql: scores the scans that have features and no score yet by the version served, of every model or of one, in T-SQL alone.
-- Example: EXECUTE dbo.ScoreNewScansSql;
CREATE OR ALTER PROCEDURE dbo.ScoreNewScansSql
    @ModelName NVARCHAR(128) = NULL, -- name of a model in dbo.classifiers; NULL means all
    @Help BIT = 0                    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.ScoreNewScansSql does what dbo.ScoreNewScans does on a server that runs no external scripts: it scores, by
PredictPatientsSql, the scans that have features and that the version which a model''s name serves has not scored by them.
Models whose scans cannot be scored, as of one that plain T-SQL is not known to score, are named at the end, in one error; the others are
scored and stored.
Parameters:
    @ModelName NVARCHAR(128) = NULL  name of a model in dbo.classifiers; NULL means all
    @Help BIT = 0                    1 prints this help and does nothing else
Examples:
    EXECUTE dbo.ScoreNewScansSql;
    EXECUTE dbo.ScoreNewScansSql @ModelName = N''lightgbm_sql'';';
        RETURN 0;
    END;

    DECLARE @Place INT = 1, @Models INT, @Version INT, @Failed INT = 0, @Said NVARCHAR(2000) = N'', @Message NVARCHAR(2000);
    CREATE TABLE #served (
        place INT NOT NULL PRIMARY KEY, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, classifier_id INT NOT NULL,
        version INT NOT NULL);
    EXECUTE internal.RefuseTransaction N'ScoreNewScansSql';
    EXECUTE internal.TakeServed @ModelName;
    SET @Models = (SELECT COUNT(*) FROM #served);
    WHILE @Place <= @Models
    BEGIN
        SELECT @ModelName = name, @Version = version FROM #served WHERE place = @Place;
        BEGIN TRY
            EXECUTE dbo.PredictPatientsSql @ModelName = @ModelName, @Version = @Version, @Only = N'new', @SkipMissing = 1, @Quiet = 1;
        END TRY
        BEGIN CATCH
            IF @@TRANCOUNT > 0
                ROLLBACK TRANSACTION;
            SET @Failed = @Failed + 1;
            SET @Said = LEFT(CONCAT(@Said, N' ', @ModelName, N' version ', @Version, N': error ', ERROR_NUMBER(), N', ',
                LEFT(ERROR_MESSAGE(), 400)), 1600);
        END CATCH;
        SET @Place = @Place + 1;
    END;
    IF @Failed > 0
    BEGIN
        SET @Message = REPLACE(CONCAT(@Failed, N' of ', @Models, N' models failed to score all new scans; what is scored is stored.', @Said,
            N' Call PredictPatientsSql with @Only = N''new'' for each to see all of its error.'), N'%', N'%%');
        THROW 50471, @Message, 1;
    END;
END;

-- CheckServedDrift: checks for drift of every served model, and ends with an error where one alarms.
-- Example: EXECUTE dbo.CheckServedDrift @Days = 90;
CREATE OR ALTER PROCEDURE dbo.CheckServedDrift
    @ModelName NVARCHAR(128) = NULL, -- name of a model in dbo.classifiers; NULL means all
    @Days INT = 90,                  -- patients whose scan was first scored in so many days are compared, 1 to 36500
    @Alpha FLOAT = 0.01,             -- how often undisturbed patients may alarm in a check, above 0 to 0.5
    @Help BIT = 0                    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.CheckServedDrift is what a job calls: CheckDrift of the version that each model''s name serves. An alarm ends it with
error 50470, so that a job fails and its operator is told; dbo.drift_alarms and dbo.drift_items have the rest. A model of which too few
patients can be compared is named and is no failure. All models are checked before anything is said to have failed.
Each call makes a check of its own: of ten calls over the same patients the chance that one alarms is not ten times @Alpha, but above it.
Parameters:
    @ModelName NVARCHAR(128) = NULL  name of a model in dbo.classifiers; NULL means all
    @Days INT = 90                   patients whose scan was first scored in so many days are compared, 1 to 36500
    @Alpha FLOAT = 0.01              how often undisturbed patients may alarm in a check, above 0 to 0.5
    @Help BIT = 0                    1 prints this help and does nothing else
Example:
    EXECUTE dbo.CheckServedDrift @Days = 30, @Alpha = 0.001;';
        RETURN 0;
    END;

    DECLARE @Place INT = 1, @Models INT, @Version INT, @Failed INT = 0, @Alarms INT = 0, @Said NVARCHAR(2000) = N'',
        @Message NVARCHAR(2000), @Since DATETIME2(3), @Before INT, @Number INT;
    CREATE TABLE #served (
        place INT NOT NULL PRIMARY KEY, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, classifier_id INT NOT NULL,
        version INT NOT NULL);
    IF @Days IS NULL OR @Days NOT BETWEEN 1 AND 36500
        SET @Message = CONCAT(N'The value ', COALESCE(CAST(@Days AS NVARCHAR(12)), N'NULL'),
            N' for the parameter @Days is not supported. Supported values are 1 to 36500. ');
    IF @Alpha IS NULL OR @Alpha <= 0 OR @Alpha > 0.5
        SET @Message = CONCAT(@Message, N'The value ', COALESCE(CAST(@Alpha AS NVARCHAR(30)), N'NULL'),
            N' for the parameter @Alpha is not supported. Supported are numbers above 0, 0.5 at most.');
    IF @Message IS NOT NULL
        THROW 50101, @Message, 1;
    EXECUTE internal.RefuseTransaction N'CheckServedDrift';
    EXECUTE internal.TakeServed @ModelName;
    SET @Since = DATEADD(DAY, -@Days, SYSUTCDATETIME());
    SET @Models = (SELECT COUNT(*) FROM #served);
    WHILE @Place <= @Models
    BEGIN
        SELECT @ModelName = name, @Version = version FROM #served WHERE place = @Place;
        SET @Before = COALESCE((SELECT MAX(drift_check_id) FROM dbo.drift_checks), 0);
        BEGIN TRY
            EXECUTE dbo.CheckDrift @ModelName = @ModelName, @Version = @Version, @Since = @Since, @Alpha = @Alpha;
            SELECT @Alarms = @Alarms + 1, @Said = LEFT(CONCAT(@Said, N' ', a.name, N' version ', a.version, N' alarms: ', a.later_patients,
                N' later patients, most different in ', LEFT(a.most_different, 200), N' by ', LTRIM(STR(a.statistic, 10, 2)),
                N' standard errors.'), 1600)
            FROM dbo.drift_alarms AS a
            INNER JOIN #served AS s ON s.classifier_id = a.classifier_id AND s.place = @Place
            WHERE a.drift_check_id > @Before AND a.is_alarm = 1;
        END TRY
        BEGIN CATCH
            IF @@TRANCOUNT > 0
                ROLLBACK TRANSACTION;
            SET @Number = ERROR_NUMBER();
            SET @Message = CONCAT(@ModelName, N' version ', @Version, N': ', LEFT(ERROR_MESSAGE(), 600));
            -- Too few patients to compare is how every site begins.
            IF @Number = 50288
                RAISERROR(N'Not checked: %s', 0, 1, @Message) WITH NOWAIT;
            ELSE
                SELECT @Failed = @Failed + 1, @Said = LEFT(CONCAT(@Said, N' Error ', @Number, N' of ', @Message), 1600);
        END CATCH;
        SET @Place = @Place + 1;
    END;
    IF @Failed + @Alarms > 0
    BEGIN
        SET @Number = IIF(@Alarms > 0, 50470, 50471);
        SET @Message = REPLACE(CONCAT(@Alarms, N' of ', @Models, N' models raise a drift alarm and ', @Failed, N' could not be checked.',
            @Said, N' See dbo.drift_alarms and dbo.drift_items; docs/evaluation.md says what to do.'), N'%', N'%%');
        THROW @Number, @Message, 1;
    END;
END;

-- TakeCopy: takes in what a script of `lungdb copy` has put into temporary tables: a model with the features of patients,
-- a dense network, or both.
-- Example: EXECUTE dbo.TakeCopy @Rows = 1234;
CREATE OR ALTER PROCEDURE dbo.TakeCopy
    @Rows INT = NULL, -- number of rows that the script has put into all of them; needed
    @Help BIT = 0     -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.TakeCopy is the last step of the script that the command lungdb copy makes: it takes in what the script has put into
temporary tables: a model, in #copy_model and the tables beside it, with the features of patients, in #copy_scans and #copy_vectors;
a dense network, in #copy_layers and #copy_tensors; or both. All of it is stored, or nothing. An ensemble comes after its members, each by
a call of its own, so that a script that was interrupted goes on where it stopped when it is run again.
Scores of these patients, and probabilities that the network gives, come along and must be the same here. A model or network
that is there already stays; another one of its name is not overwritten. Patients are found by their id, scans by their series.
The network that made the features comes without its bytes, and so do the slices: they are not needed to score.
Parameters:
    @Rows INT = NULL  number of rows that the script has put into all of them; needed
    @Help BIT = 0     1 prints this help and does nothing else
Example:
    EXECUTE dbo.TakeCopy @Rows = 1234;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Arrived INT, @ModelName NVARCHAR(128), @Version INT, @Patients INT, @Network NVARCHAR(128),
        @Numbers INT, @ClassifierId INT;
    SET @Arrived = (SELECT COUNT(*) FROM #copy_model) + (SELECT COUNT(*) FROM #copy_nodes) + (SELECT COUNT(*) FROM #copy_coefficients)
        + (SELECT COUNT(*) FROM #copy_calibration) + (SELECT COUNT(*) FROM #copy_scans) + (SELECT COUNT(*) FROM #copy_layers)
        + (SELECT COUNT(*) FROM #copy_parts) + (SELECT COUNT(*) FROM #copy_vectors) + (SELECT COUNT(*) FROM #copy_scope)
        + (SELECT COUNT(*) FROM #copy_scope_features) + (SELECT COUNT(*) FROM #copy_members) + (SELECT COUNT(*) FROM #copy_tensors)
        + (SELECT COUNT(*) FROM #copy_probes) + (SELECT COUNT(*) FROM #copy_answers);
    IF @Rows IS NULL OR @Arrived <> @Rows
    BEGIN
        SET @Message = CONCAT(@Arrived, N' rows of ', COALESCE(CAST(@Rows AS NVARCHAR(12)), N'an unknown number'),
            N' arrived. See the first error of the script, and run it again as a whole on one connection.');
        THROW 50155, @Message, 1;
    END;

    BEGIN TRANSACTION;
    IF EXISTS (SELECT 1 FROM #copy_model)
        EXECUTE internal.TakeCopiedModel;
    IF EXISTS (SELECT 1 FROM #copy_layers)
        EXECUTE internal.TakeCopiedNetwork;
    COMMIT TRANSACTION;

    SELECT @ModelName = name, @Version = version FROM #copy_model;
    SET @Patients = (SELECT COUNT(*) FROM #copy_scans);
    IF @ModelName IS NOT NULL
        RAISERROR(N'%s version %d is here, with the features of %d patients.', 0, 1, @ModelName, @Version, @Patients) WITH NOWAIT;
    SET @ClassifierId = (SELECT classifier_id FROM dbo.classifiers WHERE name = @ModelName AND version = @Version);
    IF @ClassifierId IS NOT NULL
        EXECUTE internal.SayServed @ClassifierId;
    SET @Network = (SELECT MIN(network) FROM #copy_layers);
    SET @Numbers = (SELECT COUNT(*) FROM #copy_tensors);
    IF @Network IS NOT NULL
        RAISERROR(N'The network %s is here, with %d numbers.', 0, 1, @Network, @Numbers) WITH NOWAIT;
END;

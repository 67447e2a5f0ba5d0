-- DeleteNetwork: deletes a version of a network, unless features, nodules or a setting refer to it.
-- Example: EXECUTE dbo.DeleteNetwork @ModelName = N'demo_resnet', @Version = 1;
CREATE OR ALTER PROCEDURE dbo.DeleteNetwork
    @ModelName NVARCHAR(128) = NULL, -- name of the network; needed
    @Version INT = NULL,             -- version to delete; needed
    @DryRun BIT = 0,                 -- 1 says whether it could be deleted and deletes nothing
    @Help BIT = 0                    -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.DeleteNetwork deletes a version of a network, the rows of its layers in dbo.network_layers, and the lungs
that it has drawn in dbo.lung_masks.
It refuses while feature sets, nodules or vectors that it has pooled refer to it, or the setting default_network names it and no other
version has the name: delete its features first with DeleteFeatures. It returns a row for each table: table_name, deleted.
Parameters:
    @ModelName NVARCHAR(128) = NULL  name of the network; needed
    @Version INT = NULL              version to delete; needed
    @DryRun BIT = 0                  1 says whether it could be deleted and deletes nothing
    @Help BIT = 0                    1 prints this help and does nothing else
Example:
    EXECUTE dbo.DeleteNetwork @ModelName = N''demo_resnet'', @Version = 1;';
        RETURN 0;
    END;

    DECLARE @Message NVARCHAR(2000), @Number INT, @NetworkId INT, @Sets NVARCHAR(1000), @Nodules INT, @Layers INT, @Lungs INT,
        @Sha256 VARBINARY(32);
    IF @ModelName IS NULL OR @Version IS NULL OR @DryRun IS NULL
    BEGIN
        SET @Message = CONCAT(N'The parameter ', IIF(@ModelName IS NULL, N'@ModelName', IIF(@Version IS NULL, N'@Version', N'@DryRun')),
            N' is NULL. Give name and version of the network to delete; see dbo.networks.');
        THROW 50101, @Message, 1;
    END;

    BEGIN TRANSACTION;
    SET @NetworkId = (SELECT network_id FROM dbo.networks WITH (UPDLOCK, HOLDLOCK) WHERE name = @ModelName AND version = @Version);
    SET @Sets = LEFT((
        SELECT STRING_AGG(CAST(CONCAT(s.feature_set_id, N' (layer ', s.layer, N', ', s.preprocessing, N')') AS NVARCHAR(MAX)), N', ')
            WITHIN GROUP (ORDER BY s.feature_set_id)
        FROM dbo.feature_sets AS s WITH (UPDLOCK, HOLDLOCK)
        WHERE s.network_id = @NetworkId), 1000);
    SET @Nodules = (SELECT COUNT(*) FROM dbo.nodules WITH (UPDLOCK, HOLDLOCK) WHERE network_id = @NetworkId)
        + (SELECT COUNT(*) FROM dbo.nodule_scores WITH (UPDLOCK, HOLDLOCK) WHERE network_id = @NetworkId)
        + (SELECT COUNT(*) FROM dbo.nodule_evaluations WITH (UPDLOCK, HOLDLOCK) WHERE network_id = @NetworkId);
    IF @NetworkId IS NULL
        SELECT @Number = 50102, @Message = CONCAT(N'No network is named ''', @ModelName, N''' with the version ', @Version,
            N'. Networks that are loaded: ', LEFT(COALESCE((
                SELECT STRING_AGG(CAST(CONCAT(n.name, N' ', n.version) AS NVARCHAR(MAX)), N', ') FROM dbo.networks AS n), N'none'), 1000),
            N'. See dbo.networks.');
    ELSE IF @Sets IS NOT NULL OR @Nodules > 0
        SELECT @Number = 50305, @Message = CONCAT(N'Version ', @Version, N' of the network ''', @ModelName, N''' is in use: ',
            COALESCE(N'the feature sets ' + @Sets, N'no feature set'), N' and ', @Nodules,
            N' nodules, scores and evaluations refer to it. Delete the features with DeleteFeatures, which takes nodules and scores, ',
            N'and evaluations in dbo.nodule_evaluations first, or keep it.');
    ELSE IF EXISTS (SELECT 1 FROM dbo.poolings AS k WHERE k.network_id = @NetworkId AND (
            EXISTS (SELECT 1 FROM dbo.pooled_features AS p WHERE p.pooling = k.pooling)
            OR EXISTS (SELECT 1 FROM dbo.classifiers AS c WHERE c.pooling = k.pooling)))
        SELECT @Number = 50305, @Message = CONCAT(N'Version ', @Version, N' of the network ''', @ModelName, N''' is in use: vectors or ',
            N'models are of its pooling. Delete the models with DeleteModel and the vectors with DeleteFeatures @Pooling = N''',
            @ModelName, N':', @Version, N''' and the network or @FeatureSetId of the features first, or keep it.');
    ELSE IF EXISTS (SELECT 1 FROM dbo.settings WHERE name = N'default_network' AND value = @ModelName)
        AND NOT EXISTS (SELECT 1 FROM dbo.networks WHERE name = @ModelName AND network_id <> @NetworkId)
        SELECT @Number = 50305, @Message = CONCAT(N'The setting default_network names ''', @ModelName,
            N''', and no other version has the name. Name another network in dbo.settings first.');
    IF @Number IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW @Number, @Message, 1;
    END;
    SET @Layers = (SELECT COUNT(*) FROM dbo.network_layers WHERE network_id = @NetworkId);
    SET @Sha256 = (SELECT sha256 FROM dbo.networks WHERE network_id = @NetworkId);
    SET @Lungs = (SELECT COUNT(*) FROM dbo.lung_masks WHERE method = @ModelName AND network_sha256 = @Sha256);
    IF @DryRun = 0
    BEGIN
        DELETE FROM dbo.lung_masks WHERE method = @ModelName AND network_sha256 = @Sha256;
        DELETE FROM dbo.network_layers WHERE network_id = @NetworkId;
        DELETE FROM dbo.networks WHERE network_id = @NetworkId;
    END;
    COMMIT TRANSACTION;
    SELECT N'network_layers' AS table_name, @Layers AS deleted
    UNION ALL
    SELECT N'lung_masks', @Lungs
    UNION ALL
    SELECT N'networks', 1;
END;

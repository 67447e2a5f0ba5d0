-- NameStages: names the layer of features that ScoreNodules makes: nodules, the detector and the stages before, with colons between. A
-- version above 1 stands behind a name, and a preprocessing of the detector other than volume behind a slash, because what another version
-- finds is another feature. A stage that is among those before it, and a name that is too long, are refused.
-- Called by ScoreNodules, whose table #stages it reads.
CREATE OR ALTER PROCEDURE internal.NameStages
    @NetworkId INT,               -- the last stage
    @DetectorId INT,              -- the detector
    @Preprocessing NVARCHAR(32),  -- preprocessing by which it searched
    @Layer NVARCHAR(256) OUTPUT   -- the name
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Name NVARCHAR(MAX);
    SET @Name = (
        SELECT CONCAT(CAST(N'nodules:' AS NVARCHAR(MAX)), n.name, N' ' + CAST(NULLIF(n.version, 1) AS NVARCHAR(12)),
            N'/' + NULLIF(@Preprocessing, N'volume'))
        FROM dbo.networks AS n
        WHERE n.network_id = @DetectorId);
    SET @Name = CONCAT(@Name, (
        SELECT STRING_AGG(CONCAT(CAST(N':' AS NVARCHAR(MAX)), n.name, N' ' + CAST(NULLIF(n.version, 1) AS NVARCHAR(12))), N'')
            WITHIN GROUP (ORDER BY s.position)
        FROM #stages AS s
        INNER JOIN dbo.networks AS n ON n.network_id = s.network_id));
    IF EXISTS (SELECT 1 FROM #stages WHERE network_id = @NetworkId)
        SET @Message = N'The network of @ModelName is one of the stages in @After too. Name each once.';
    ELSE IF LEN(@Name) > 256
        SET @Message = CONCAT(N'The features would be named ''', LEFT(@Name, 1000), N''', which is longer than 256 characters. ',
            N'Load the networks with shorter names.');
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50101, @Message, 1;
    END;
    SET @Layer = @Name;
END;

-- ReadSettings: what dbo.settings says of external scripts: the language they run in, and what computes in them.
-- Called by GenerateFeatures and by every other procedure that runs such a script.
CREATE OR ALTER PROCEDURE internal.ReadSettings
    @Language NVARCHAR(128) OUTPUT,         -- external_language; Python where it is NULL or missing
    @Providers NVARCHAR(400) = NULL OUTPUT, -- providers, the order in which ONNX Runtime tries them; NULL leaves it to lungdb
    @Threads INT = NULL OUTPUT              -- threads; NULL, or no number, means the processors that there are
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    SET @Language = COALESCE((SELECT value FROM dbo.settings WHERE name = N'external_language'), N'Python');
    SET @Providers = (SELECT value FROM dbo.settings WHERE name = N'providers');
    SET @Threads = TRY_CAST((SELECT value FROM dbo.settings WHERE name = N'threads') AS INT);
END;

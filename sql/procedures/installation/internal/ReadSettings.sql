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

    SELECT @Language = COALESCE(l.value, N'Python'), @Providers = p.value, @Threads = TRY_CAST(t.value AS INT)
    FROM (SELECT 1 AS one) AS o
    LEFT JOIN dbo.settings AS l ON l.name = N'external_language'
    LEFT JOIN dbo.settings AS p ON p.name = N'providers'
    LEFT JOIN dbo.settings AS t ON t.name = N'threads';
END;

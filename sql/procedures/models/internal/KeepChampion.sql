-- KeepChampion: gives the name of a version that was just stored a champion, where it has none: the version that was served before, so that
-- storing another changes no score; of a new name its first version. Inside the caller's transaction.
-- Called by StoreExperiment, TakeCopiedModel and every other procedure that stores a version.
CREATE OR ALTER PROCEDURE internal.KeepChampion
    @ClassifierId INT -- the version that was stored
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO dbo.model_promotions (name, classifier_id, metric, forced)
    SELECT c.name, COALESCE(b.classifier_id, c.classifier_id),
        CASE WHEN b.classifier_id IS NULL THEN N'first version' ELSE N'served before' END, 0
    FROM dbo.classifiers AS c
    LEFT JOIN dbo.classifiers AS b ON b.name = c.name AND b.version = (
        SELECT MAX(o.version) FROM dbo.classifiers AS o WHERE o.name = c.name AND o.classifier_id <> c.classifier_id)
    WHERE c.classifier_id = @ClassifierId AND NOT EXISTS (
        SELECT 1 FROM dbo.model_promotions AS p WITH (UPDLOCK, HOLDLOCK) WHERE p.name = c.name AND p.rolled_back_at IS NULL);
END;

-- TakeCopiedMembers: ties an ensemble to its members, which have come before it; refuses one that is missing or is another model here;
-- inside the caller's transaction.
-- Called by TakeCopiedModel. The script's table #copy_members is read.
CREATE OR ALTER PROCEDURE internal.TakeCopiedMembers
    @ClassifierId INT -- the ensemble; a model without members has none to tie
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000);
    SELECT TOP (1) @Message = CONCAT(N'The member ''', m.name, N''' version ', m.version,
        N' of the ensemble is not here, or is another model. Run the whole script again, which brings the members first.')
    FROM #copy_members AS m
    LEFT JOIN dbo.classifiers AS c ON c.name = m.name AND c.version = m.version AND c.sha256 = m.sha256
    WHERE c.classifier_id IS NULL
    ORDER BY m.position;
    IF @Message IS NOT NULL
    BEGIN
        SET @Message = REPLACE(@Message, N'%', N'%%');
        THROW 50155, @Message, 1;
    END;
    INSERT INTO dbo.ensemble_members (classifier_id, position, member_classifier_id, first_index)
    SELECT @ClassifierId, m.position, c.classifier_id, m.first_index
    FROM #copy_members AS m
    INNER JOIN dbo.classifiers AS c ON c.name = m.name AND c.version = m.version
    WHERE NOT EXISTS (SELECT 1 FROM dbo.ensemble_members AS e WHERE e.classifier_id = @ClassifierId);
END;

-- CountLook: records that figures of a version's test patients were computed after its training.
-- Called by CompareModels and every other procedure that computes such figures.
CREATE OR ALTER PROCEDURE internal.CountLook
    @ClassifierId INT,           -- the version
    @LookedWith NVARCHAR(128)    -- procedure or command that computed them
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    INSERT INTO dbo.test_looks (name, classifier_id, looked_with)
    SELECT name, classifier_id, @LookedWith FROM dbo.classifiers WHERE classifier_id = @ClassifierId;
END;

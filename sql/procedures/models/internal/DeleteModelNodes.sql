-- DeleteModelNodes: deletes what plain T-SQL reads of a model; inside the caller's transaction.
-- Called by DeleteModel, StoreNodes and TakeCopiedModel.
CREATE OR ALTER PROCEDURE internal.DeleteModelNodes
    @ClassifierId INT -- the model
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Network NVARCHAR(128) = CONCAT(N'classifier/', @ClassifierId);
    DELETE FROM dbo.tensors WHERE network = @Network;
    DELETE FROM dbo.dense_layers WHERE network = @Network;
    DELETE FROM dbo.model_checks WHERE classifier_id = @ClassifierId;
    DELETE FROM dbo.model_calibration WHERE classifier_id = @ClassifierId;
    DELETE FROM dbo.model_coefficients WHERE classifier_id = @ClassifierId;
    DELETE FROM dbo.model_nodes WHERE classifier_id = @ClassifierId;
    DELETE FROM dbo.model_scoring WHERE classifier_id = @ClassifierId;
END;

-- StoreModelTensors: stores the layers of a classifier that is a dense network, from its JSON, as the T-SQL networks have theirs: under the
-- name classifier/ and its classifier_id, by which ScoreNetworkSql runs it too; inside the caller's transaction.
-- Called by StoreNodes and TakeCopiedModel.
CREATE OR ALTER PROCEDURE internal.StoreModelTensors
    @ClassifierId INT -- the model; one that is no network has nothing to store
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Network NVARCHAR(128) = CONCAT(N'classifier/', @ClassifierId), @Json NVARCHAR(MAX);
    SET @Json = (
        SELECT CAST(CAST(model AS VARCHAR(MAX)) AS NVARCHAR(MAX))
        FROM dbo.classifiers
        WHERE classifier_id = @ClassifierId AND library = N'network');
    IF @Json IS NULL
        RETURN 0;

    INSERT INTO dbo.tensors (network, tensor, row_index, column_index, value)
    SELECT @Network, CONCAT(l.[key], N'.weight'), CAST(r.[key] AS INT), CAST(c.[key] AS INT), CAST(c.[value] AS FLOAT)
    FROM OPENJSON(@Json, N'$.layers') AS l
    CROSS APPLY OPENJSON(l.[value], N'$.weight') AS r
    CROSS APPLY OPENJSON(r.[value]) AS c;
    INSERT INTO dbo.tensors (network, tensor, row_index, column_index, value)
    SELECT @Network, CONCAT(l.[key], N'.bias'), 0, CAST(c.[key] AS INT), CAST(c.[value] AS FLOAT)
    FROM OPENJSON(@Json, N'$.layers') AS l
    CROSS APPLY OPENJSON(l.[value], N'$.bias') AS c;
    INSERT INTO dbo.dense_layers (network, layer, inputs, units, activation)
    SELECT @Network, CAST(l.[key] AS INT), COUNT(t.row_index), MAX(t.units), MAX(JSON_VALUE(l.[value], N'$.activation'))
    FROM OPENJSON(@Json, N'$.layers') AS l
    INNER JOIN (
        SELECT CAST(LEFT(tensor, CHARINDEX(N'.', tensor) - 1) AS INT) AS layer, row_index, COUNT(*) AS units
        FROM dbo.tensors
        WHERE network = @Network AND tensor LIKE N'%.weight'
        GROUP BY tensor, row_index) AS t ON t.layer = CAST(l.[key] AS INT)
    GROUP BY l.[key];
END;

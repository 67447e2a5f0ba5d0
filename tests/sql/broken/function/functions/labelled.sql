CREATE FUNCTION dbo.labelled (@Label TINYINT)
RETURNS TABLE
AS
RETURN (SELECT patient_id FROM dbo.labels WHERE label = @Label);

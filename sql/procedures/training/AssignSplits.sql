-- AssignSplits: puts every patient without a part into train or test, by a keyed hash of the patient's id, and pictures without a patient.
-- Example: EXECUTE dbo.AssignSplits;
CREATE OR ALTER PROCEDURE dbo.AssignSplits
    @Help BIT = 0 -- 1 prints this help and does nothing else
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    IF @Help = 1
    BEGIN
        PRINT N'dbo.AssignSplits puts every patient that has no row in dbo.splits into the part train or test.
The part follows from SHA-256 of settings.split_key and the patient''s id alone, so it does not depend on the other
patients, on their order or on labels, and a part once given is never changed. settings.test_percent (1 to 90) is the
share of test patients. TrainLungCancerModel calls it.
A patient of pictures alone is put into a part too. Pictures that name no patient go by their group, else each by its name, and
their part is a row of dbo.image_splits. TrainImageClassifier calls it.
Parameters:
    @Help BIT = 0  1 prints this help and does nothing else
Example:
    EXECUTE dbo.AssignSplits;';
        RETURN 0;
    END;

    DECLARE @SplitKey NVARCHAR(400) = (SELECT value FROM dbo.settings WHERE name = N'split_key');
    DECLARE @PercentText NVARCHAR(400) = (SELECT value FROM dbo.settings WHERE name = N'test_percent');
    DECLARE @TestPercent INT = TRY_CAST(@PercentText AS INT);
    DECLARE @Message NVARCHAR(2000);

    IF @SplitKey IS NULL OR @TestPercent IS NULL OR @TestPercent NOT BETWEEN 1 AND 90
    BEGIN
        SET @Message = CONCAT(N'The settings split_key and test_percent are needed to split patients, and test_percent is ',
            COALESCE(N'''' + REPLACE(@PercentText, N'%', N'%%') + N'''', N'missing'),
            N'. Set split_key to any text and test_percent to a whole number from 1 to 90 in dbo.settings.');
        THROW 50101, @Message, 1;
    END;

    INSERT INTO dbo.splits (patient_id, part)
    SELECT
        p.patient_id,
        CASE
            WHEN CAST(SUBSTRING(HASHBYTES('SHA2_256', CONVERT(VARBINARY(1000), CONCAT(@SplitKey, N'/', p.patient_id))), 1, 3) AS INT) % 100
                < @TestPercent THEN 'test'
            ELSE 'train'
        END
    FROM (
        SELECT patient_id FROM dbo.patients
        UNION
        SELECT patient_id FROM dbo.images WHERE patient_id IS NOT NULL) AS p
    WHERE NOT EXISTS (SELECT 1 FROM dbo.splits AS s WITH (UPDLOCK, HOLDLOCK) WHERE s.patient_id = p.patient_id);

    INSERT INTO dbo.image_splits (is_group, name, part)
    SELECT
        u.is_group,
        u.name,
        CASE
            WHEN CAST(SUBSTRING(HASHBYTES('SHA2_256', CONVERT(VARBINARY(1100), CONCAT(@SplitKey, N'/', u.source))), 1, 3) AS INT) % 100
                < @TestPercent THEN 'test'
            ELSE 'train'
        END
    FROM (
        SELECT DISTINCT
            CAST(CASE WHEN i.group_name IS NULL THEN 0 ELSE 1 END AS BIT) AS is_group,
            COALESCE(i.group_name, l.root_image, i.name) AS name,
            CASE WHEN i.group_name IS NULL THEN CONCAT(N'picture/', COALESCE(l.root_image, i.name))
                ELSE CONCAT(N'group/', i.group_name) END AS source
        FROM dbo.images AS i
        LEFT JOIN dbo.image_lineage AS l ON l.image_name = i.name
        WHERE i.patient_id IS NULL) AS u
    WHERE NOT EXISTS (
        SELECT 1 FROM dbo.image_splits AS s WITH (UPDLOCK, HOLDLOCK) WHERE s.is_group = u.is_group AND s.name = u.name);
END;

-- RefreshDerived: gives pictures that were made of others the patient, group and classes that the picture at the beginning has now, so that
-- all of them stay in one part. One whose beginning is not there any more keeps its own.
-- Called by TransformImages, whose table #all has the names.
CREATE OR ALTER PROCEDURE internal.RefreshDerived
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    BEGIN TRANSACTION;
    UPDATE i
    SET i.label = r.label, i.patient_id = r.patient_id, i.group_name = r.group_name, i.group_order = r.group_order
    FROM dbo.images AS i
    INNER JOIN #all AS a ON a.name = i.name
    INNER JOIN dbo.image_lineage AS l ON l.image_name = i.name
    INNER JOIN dbo.images AS r ON r.name = l.root_image;
    DELETE k
    FROM dbo.image_labels AS k
    INNER JOIN #all AS a ON a.name = k.name
    INNER JOIN dbo.image_lineage AS l ON l.image_name = k.name
    INNER JOIN dbo.images AS r ON r.name = l.root_image;
    INSERT INTO dbo.image_labels (name, label)
    SELECT a.name, k.label
    FROM #all AS a
    INNER JOIN dbo.image_lineage AS l ON l.image_name = a.name
    INNER JOIN dbo.image_labels AS k ON k.name = l.root_image
    INNER JOIN dbo.images AS r ON r.name = l.root_image;
    COMMIT TRANSACTION;
END;

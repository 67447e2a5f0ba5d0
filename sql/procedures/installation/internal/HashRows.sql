-- HashRows: compares with their SHA-256 the networks, models and pictures, which belong to no scan.
-- Called by CheckHashes, whose table #hashes it fills.
CREATE OR ALTER PROCEDURE internal.HashRows
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    -- A copy of a model brings networks without their bytes.
    INSERT INTO #hashes (kind, number, items, differing)
    SELECT 'networks', network_id, 1, CASE WHEN sha256 <> HASHBYTES('SHA2_256', model) THEN 1 ELSE 0 END
    FROM dbo.networks
    WHERE DATALENGTH(model) > 0
    UNION ALL
    SELECT 'models', classifier_id, 1, CASE WHEN sha256 <> HASHBYTES('SHA2_256', model) THEN 1 ELSE 0 END
    FROM dbo.classifiers
    UNION ALL
    SELECT 'models of pictures', image_classifier_id, 1, CASE WHEN sha256 <> HASHBYTES('SHA2_256', model) THEN 1 ELSE 0 END
    FROM dbo.image_classifiers;
    -- Pictures have names, which may tell of somebody: their numbers are their places by name.
    INSERT INTO #hashes (kind, number, items, differing)
    SELECT 'pictures', ROW_NUMBER() OVER (ORDER BY name), 1, CASE WHEN sha256 <> HASHBYTES('SHA2_256', image) THEN 1 ELSE 0 END
    FROM dbo.images;
    INSERT INTO #hashes (kind, number, items, differing)
    SELECT 'features of pictures', ROW_NUMBER() OVER (ORDER BY name, feature_set_id), 1,
        CASE WHEN sha256 <> HASHBYTES('SHA2_256', array) THEN 1 ELSE 0 END
    FROM dbo.image_features;
END;

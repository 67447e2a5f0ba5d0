-- What preparing slices in one way has cost so far, as GenerateFeatures has measured it while pictures were being kept. dbo.feature_storage
-- says what follows.
CREATE TABLE dbo.preparation_costs (
    preprocessing NVARCHAR(32) NOT NULL, -- name in dbo.preprocessings
    picture_rows INT NOT NULL,           -- rows of the pictures
    picture_cols INT NOT NULL,           -- columns of the pictures
    calls INT NOT NULL,                  -- how often features were made so
    sent_bytes FLOAT NOT NULL,           -- bytes that went to scripts and came back
    sent_seconds FLOAT NOT NULL,         -- seconds that this took
    made_slices BIGINT NOT NULL,         -- slices that were made of what is stored in dbo.scan_images
    made_bytes FLOAT NOT NULL,           -- their bytes as stored
    made_seconds FLOAT NOT NULL,         -- seconds that making them took
    read_slices BIGINT NOT NULL,         -- slices that were read as they were kept
    read_bytes FLOAT NOT NULL,           -- their bytes as kept
    read_seconds FLOAT NOT NULL,         -- seconds that reading them took
    written_slices BIGINT NOT NULL,      -- slices that were written to be kept
    written_bytes FLOAT NOT NULL,        -- their bytes as kept
    written_seconds FLOAT NOT NULL,      -- seconds that writing them took
    CONSTRAINT PK_preparation_costs PRIMARY KEY (preprocessing, picture_rows, picture_cols)
);

-- What preparing slices in one way has cost so far, as GenerateFeatures has measured it while pictures were being kept: slices that were
-- made of what is stored, read as they were kept, and written to be kept, with their bytes and the seconds that each took; bytes that went
-- to scripts and came back, with the seconds; calls is how often features were made so. dbo.feature_storage says what follows.
CREATE TABLE dbo.preparation_costs (
    preprocessing NVARCHAR(32) NOT NULL,
    picture_rows INT NOT NULL,
    picture_cols INT NOT NULL,
    calls INT NOT NULL,
    sent_bytes FLOAT NOT NULL,
    sent_seconds FLOAT NOT NULL,
    made_slices BIGINT NOT NULL,
    made_bytes FLOAT NOT NULL,
    made_seconds FLOAT NOT NULL,
    read_slices BIGINT NOT NULL,
    read_bytes FLOAT NOT NULL,
    read_seconds FLOAT NOT NULL,
    written_slices BIGINT NOT NULL,
    written_bytes FLOAT NOT NULL,
    written_seconds FLOAT NOT NULL,
    CONSTRAINT PK_preparation_costs PRIMARY KEY (preprocessing, picture_rows, picture_cols)
);

-- The features of a scan, one row per triple of slices.
CREATE TABLE dbo.features (
    scan_id INT NOT NULL,          -- scan that they are of
    feature_set_id INT NOT NULL,   -- feature set that they are of, in dbo.feature_sets
    array_rows INT NOT NULL,       -- rows of array: triples of slices, in the order of the slices
    array_cols INT NOT NULL,       -- columns of array: features, as the feature set's width says
    array VARBINARY(MAX) NOT NULL, -- float32, little-endian, C order
    sha256 VARBINARY(32) NOT NULL, -- SHA-256 of the bytes of array
    patient_id NVARCHAR(64) NULL,  -- patient of the scan; NULL where a procedure of version 0.2 has written the row
    CONSTRAINT PK_features PRIMARY KEY (scan_id, feature_set_id),
    CONSTRAINT FK_features_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id),
    CONSTRAINT FK_features_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id),
    CONSTRAINT FK_features_feature_sets FOREIGN KEY (feature_set_id) REFERENCES dbo.feature_sets (feature_set_id)
);
CREATE INDEX IX_features_feature_set ON dbo.features (feature_set_id);
CREATE INDEX IX_features_patient ON dbo.features (patient_id);

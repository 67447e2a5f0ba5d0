-- The features of a scan: float32 little-endian, C order, one row per triple of slices. patient_id is that of the
-- scan, NULL where a procedure of version 0.2 has written the row.
CREATE TABLE dbo.features (
    scan_id INT NOT NULL,
    feature_set_id INT NOT NULL,
    array_rows INT NOT NULL,
    array_cols INT NOT NULL,
    array VARBINARY(MAX) NOT NULL,
    sha256 VARBINARY(32) NOT NULL,
    patient_id NVARCHAR(64) NULL,
    CONSTRAINT PK_features PRIMARY KEY (scan_id, feature_set_id),
    CONSTRAINT FK_features_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id),
    CONSTRAINT FK_features_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id),
    CONSTRAINT FK_features_feature_sets FOREIGN KEY (feature_set_id) REFERENCES dbo.feature_sets (feature_set_id)
);
CREATE INDEX IX_features_feature_set ON dbo.features (feature_set_id);
CREATE INDEX IX_features_patient ON dbo.features (patient_id);

-- What ListPatients searches, filters and sorts by: a row for each primary scan. RefreshWorklist is the only writer, called by
-- whatever changes the rest; the page itself is read from the other tables. state: 0 no features, 1 not scored, 2 scored, 3 failed.
CREATE TABLE dbo.worklist (
    idx INT NOT NULL,
    scan_id INT NOT NULL,
    patient_id NVARCHAR(64) NOT NULL,
    display_name NVARCHAR(128) NULL,
    study_date DATE NULL,
    slices INT NOT NULL,
    state TINYINT NOT NULL,
    prediction_id INT NULL,
    probability FLOAT NULL,
    CONSTRAINT PK_worklist PRIMARY KEY (idx),
    CONSTRAINT UQ_worklist_scan UNIQUE (scan_id),
    CONSTRAINT FK_worklist_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id) ON DELETE CASCADE
);
CREATE INDEX IX_worklist_name ON dbo.worklist (display_name, idx, state);
CREATE INDEX IX_worklist_date ON dbo.worklist (study_date, idx, state);
CREATE INDEX IX_worklist_slices ON dbo.worklist (slices, idx, state);
CREATE INDEX IX_worklist_probability ON dbo.worklist (probability, idx, state);
CREATE INDEX IX_worklist_scored ON dbo.worklist (prediction_id, idx, state);

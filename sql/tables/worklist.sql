-- What ListPatients searches, filters and sorts by: a row for each primary scan. RefreshWorklist is the only writer, called by whatever
-- changes the rest; the page itself is read from the other tables.
CREATE TABLE dbo.worklist (
    idx INT NOT NULL,                 -- idx of the patient, as dbo.patients has it
    scan_id INT NOT NULL,             -- primary scan of the patient
    patient_id NVARCHAR(64) NOT NULL, -- patient of the row, in dbo.patients
    display_name NVARCHAR(128) NULL,  -- as dbo.patients has it; NULL where there is none
    study_date DATE NULL,             -- as dbo.scans has it; NULL where it is not known
    slices INT NOT NULL,              -- slices of the scan, number_images in dbo.scans
    state TINYINT NOT NULL,           -- 0 no features, 1 not scored, 2 scored, 3 failed, as dbo.scan_states has it
    prediction_id INT NULL,           -- newest score of the scan that is a probability; NULL where it has none
    probability FLOAT NULL,           -- that score's, 0 to 1; NULL where it has none
    work FLOAT NULL,                  -- what needs work first is smallest: 0 failed, 2 not scored, 4 scored, 6 no features, and 8 whatever
                                      -- somebody has reviewed, plus 1 - probability of what has a score; NULL until it is refreshed
    CONSTRAINT PK_worklist PRIMARY KEY (idx),
    CONSTRAINT UQ_worklist_scan UNIQUE (scan_id),
    CONSTRAINT FK_worklist_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id) ON DELETE CASCADE
);
CREATE INDEX IX_worklist_name ON dbo.worklist (display_name, idx, state);
CREATE INDEX IX_worklist_date ON dbo.worklist (study_date, idx, state);
CREATE INDEX IX_worklist_slices ON dbo.worklist (slices, idx, state);
CREATE INDEX IX_worklist_probability ON dbo.worklist (probability, idx, state);
CREATE INDEX IX_worklist_scored ON dbo.worklist (prediction_id, idx, state);
CREATE INDEX IX_worklist_work ON dbo.worklist (work, idx, state);

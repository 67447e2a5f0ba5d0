-- What a reader has found in a scan, for the worklist and for a reader study. Rows are added and never changed: of what a reader has
-- said of a scan the newest counts. It outlasts the scan, and a patient of whom there is a review cannot be deleted.
CREATE TABLE dbo.reviews (
    review_id INT IDENTITY(1, 1) NOT NULL,  -- number of the review, rising with time
    patient_id NVARCHAR(64) NOT NULL,       -- patient of the scan
    content_sha256 VARBINARY(32) NOT NULL,  -- content_sha256 in dbo.scans of the scan that was read; what takes its place is not
                                            -- reviewed
    account NVARCHAR(128) NOT NULL          -- who read it: the user that the session names (SESSION_CONTEXT), such as the page's account,
                                            -- else the login
        CONSTRAINT DF_reviews_account
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    suspicion TINYINT NOT NULL,             -- of cancer: 1 definitely none, 2 probably none, 3 cannot tell, 4 probably, 5 definitely
    note NVARCHAR(2000) NULL,               -- free text of the reader, which may tell of the patient; NULL where there is none
    prediction_id INT NULL,                 -- score that stood beside the scan when it was read, in dbo.predictions as long as that has
                                            -- it; NULL where none did
    reviewed_at DATETIME2(3) NOT NULL CONSTRAINT DF_reviews_reviewed_at DEFAULT SYSUTCDATETIME(), -- when it was stored, UTC
    login_name NVARCHAR(128) NULL CONSTRAINT DF_reviews_login_name DEFAULT ORIGINAL_LOGIN(), -- login that was connected
    CONSTRAINT PK_reviews PRIMARY KEY (review_id),
    CONSTRAINT FK_reviews_patients FOREIGN KEY (patient_id) REFERENCES dbo.patients (patient_id),
    CONSTRAINT CK_reviews_suspicion CHECK (suspicion BETWEEN 1 AND 5)
);
CREATE INDEX IX_reviews_patient ON dbo.reviews (patient_id, content_sha256, account);
CREATE INDEX IX_reviews_account ON dbo.reviews (account, patient_id, content_sha256);

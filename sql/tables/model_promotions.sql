-- A version made the champion of its name, with the figures that it was compared by. The champion is the newest row of the name that was
-- not rolled back.
CREATE TABLE dbo.model_promotions (
    promotion_id INT IDENTITY(1, 1) NOT NULL, -- number of the promotion, rising with time
    name NVARCHAR(128) NOT NULL,              -- name of the model, which its versions share
    classifier_id INT NOT NULL,               -- version that became the champion
    previous_classifier_id INT NULL,          -- champion before; NULL where there was none
    metric NVARCHAR(64) NOT NULL,             -- figure that it was compared by; first version or served before of one that became it
                                              -- without a comparison
    value FLOAT NULL,                         -- the figure of this version; NULL where it was not compared
    previous_value FLOAT NULL,                -- the figure of the champion before; NULL where there was none
    forced BIT NOT NULL,                      -- 1 where it was promoted with @Force, whatever the figures say
    promoted_at DATETIME2(3) NOT NULL         -- when it became the champion, UTC
        CONSTRAINT DF_model_promotions_promoted_at DEFAULT SYSUTCDATETIME(),
    promoted_by NVARCHAR(128) NOT NULL        -- who promoted it: the user that the session names (SESSION_CONTEXT), else the login
        CONSTRAINT DF_model_promotions_promoted_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    rolled_back_at DATETIME2(3) NULL,         -- when RollbackModel took it back, UTC; NULL while it stands
    rolled_back_by NVARCHAR(128) NULL,        -- who took it back; NULL while it stands
    CONSTRAINT PK_model_promotions PRIMARY KEY (promotion_id),
    CONSTRAINT FK_model_promotions_classifiers FOREIGN KEY (classifier_id)
        REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT FK_model_promotions_previous FOREIGN KEY (previous_classifier_id)
        REFERENCES dbo.classifiers (classifier_id)
);
CREATE INDEX IX_model_promotions_name ON dbo.model_promotions (name);
CREATE INDEX IX_model_promotions_classifier ON dbo.model_promotions (classifier_id);
CREATE INDEX IX_model_promotions_previous ON dbo.model_promotions (previous_classifier_id);

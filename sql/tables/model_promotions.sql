-- A version made the champion of its name, with the figures that it was compared by. The champion is the newest row of the
-- name that was not rolled back.
CREATE TABLE dbo.model_promotions (
    promotion_id INT IDENTITY(1, 1) NOT NULL,
    name NVARCHAR(128) NOT NULL,
    classifier_id INT NOT NULL,
    previous_classifier_id INT NULL,
    metric NVARCHAR(64) NOT NULL,
    value FLOAT NULL,
    previous_value FLOAT NULL,
    forced BIT NOT NULL,
    promoted_at DATETIME2(3) NOT NULL CONSTRAINT DF_model_promotions_promoted_at DEFAULT SYSUTCDATETIME(),
    promoted_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_model_promotions_promoted_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    rolled_back_at DATETIME2(3) NULL,
    rolled_back_by NVARCHAR(128) NULL,
    CONSTRAINT PK_model_promotions PRIMARY KEY (promotion_id),
    CONSTRAINT FK_model_promotions_classifiers FOREIGN KEY (classifier_id)
        REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT FK_model_promotions_previous FOREIGN KEY (previous_classifier_id)
        REFERENCES dbo.classifiers (classifier_id)
);
CREATE INDEX IX_model_promotions_name ON dbo.model_promotions (name);
CREATE INDEX IX_model_promotions_classifier ON dbo.model_promotions (classifier_id);
CREATE INDEX IX_model_promotions_previous ON dbo.model_promotions (previous_classifier_id);

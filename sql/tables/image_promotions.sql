-- A version of a model of pictures made the champion of its name, with the figures that it was compared by. The champion is the newest row
-- of the name; the row before it is what value was compared with. StoreImageClassifier and PromoteImageClassifier fill it.
CREATE TABLE dbo.image_promotions (
    promotion_id INT IDENTITY(1, 1) NOT NULL,
    name NVARCHAR(128) NOT NULL,
    image_classifier_id INT NOT NULL,
    metric NVARCHAR(64) NOT NULL,
    value FLOAT NULL,
    previous_value FLOAT NULL,
    forced BIT NOT NULL,
    promoted_at DATETIME2(3) NOT NULL CONSTRAINT DF_image_promotions_promoted_at DEFAULT SYSUTCDATETIME(),
    promoted_by NVARCHAR(128) NOT NULL
        CONSTRAINT DF_image_promotions_promoted_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_image_promotions PRIMARY KEY (promotion_id),
    CONSTRAINT FK_image_promotions_image_classifiers FOREIGN KEY (image_classifier_id)
        REFERENCES dbo.image_classifiers (image_classifier_id) ON DELETE CASCADE
);
CREATE INDEX IX_image_promotions_name ON dbo.image_promotions (name);
CREATE INDEX IX_image_promotions_image_classifier ON dbo.image_promotions (image_classifier_id);

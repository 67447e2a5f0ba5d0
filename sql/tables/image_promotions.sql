-- A version of a model of pictures made the champion of its name, with the figures that it was compared by. The champion is the newest row
-- of the name. StoreImageClassifier and PromoteImageClassifier fill it.
CREATE TABLE dbo.image_promotions (
    promotion_id INT IDENTITY(1, 1) NOT NULL, -- number of the promotion, rising with time
    name NVARCHAR(128) NOT NULL,              -- name of the model, which its versions share
    image_classifier_id INT NOT NULL,         -- version that became the champion
    metric NVARCHAR(64) NOT NULL,             -- figure of the test part that it was compared by
    value FLOAT NULL,                         -- the figure of this version; NULL where it is not defined
    previous_value FLOAT NULL,                -- that of the champion before; NULL where there was none, or it is not defined
    forced BIT NOT NULL,                      -- 1 where it was promoted with @Force, whatever the figures say
    promoted_at DATETIME2(3) NOT NULL         -- when it became the champion, UTC
        CONSTRAINT DF_image_promotions_promoted_at DEFAULT SYSUTCDATETIME(),
    promoted_by NVARCHAR(128) NOT NULL        -- who promoted it: the user that the session names (SESSION_CONTEXT), else the login
        CONSTRAINT DF_image_promotions_promoted_by
        DEFAULT COALESCE(CAST(SESSION_CONTEXT(N'user') AS NVARCHAR(128)), ORIGINAL_LOGIN()),
    CONSTRAINT PK_image_promotions PRIMARY KEY (promotion_id),
    CONSTRAINT FK_image_promotions_image_classifiers FOREIGN KEY (image_classifier_id)
        REFERENCES dbo.image_classifiers (image_classifier_id) ON DELETE CASCADE
);
CREATE INDEX IX_image_promotions_name ON dbo.image_promotions (name);
CREATE INDEX IX_image_promotions_image_classifier ON dbo.image_promotions (image_classifier_id);

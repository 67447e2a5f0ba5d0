-- The part of a group of pictures, or of a picture without one, where it names no patient; the pictures of patients go by dbo.splits.
-- AssignSplits fills it by a keyed hash, load-images where a list says so; a part once given does not change.
CREATE TABLE dbo.image_splits (
    is_group BIT NOT NULL,
    name NVARCHAR(128) NOT NULL,
    part VARCHAR(10) NOT NULL,
    CONSTRAINT PK_image_splits PRIMARY KEY (is_group, name),
    CONSTRAINT CK_image_splits_part CHECK (part IN ('train', 'test'))
);

-- The part of a group of pictures, or of a picture without one, where it names no patient; the pictures of patients go by dbo.splits.
CREATE TABLE dbo.image_splits (
    is_group BIT NOT NULL,       -- 1 of a group of pictures, 0 of one
    name NVARCHAR(128) NOT NULL, -- the picture or the group
    part VARCHAR(10) NOT NULL,   -- train or test, by a keyed hash (AssignSplits) or as a list says (load-images); once given it does not
                                 -- change
    CONSTRAINT PK_image_splits PRIMARY KEY (is_group, name),
    CONSTRAINT CK_image_splits_part CHECK (part IN ('train', 'test'))
);

-- ChooseFeatures: finds the feature set that a training asks for, combining layers, networks, poolings and columns where it asks for
-- several; the same parts give the same combined set again.
-- Called by TrainModel.
CREATE OR ALTER PROCEDURE internal.ChooseFeatures
    @ModelName NVARCHAR(128),       -- name of the model to train
    @NetworkName NVARCHAR(128),     -- network, or NULL
    @Layer NVARCHAR(256),           -- layer, or NULL
    @Preprocessing NVARCHAR(32),    -- preprocessing, or NULL
    @Features NVARCHAR(MAX),        -- several features with semicolons between, none, or NULL for those of the parameters before
    @Columns NVARCHAR(MAX),         -- columns with commas between, or NULL
    @ColumnsFrom NVARCHAR(257),     -- view or table that has them, or NULL for dbo.scan_columns
    @Pooling NVARCHAR(32) OUTPUT,   -- pooling asked for, and that of the set found
    @FeatureSetId INT OUTPUT,       -- the feature set found
    @IsNew BIT OUTPUT               -- 1 where it is a combined one that this call stored
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    SET @IsNew = 0;
    IF @Features IS NULL
        EXECUTE internal.FindFeatureSet @ModelName, @NetworkName, @Layer, @Preprocessing, @Pooling OUTPUT, @FeatureSetId OUTPUT;
    IF @Features IS NOT NULL OR @Columns IS NOT NULL
        EXECUTE internal.CombineFeatures @Features, @Columns, @ColumnsFrom, @Pooling OUTPUT, @FeatureSetId OUTPUT, @IsNew OUTPUT;
END;

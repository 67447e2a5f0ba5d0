-- RefuseEnsembleData: refuses features and data for an ensemble, which takes them from its members, all in one error.
-- Called by TrainLungCancerModel.
CREATE OR ALTER PROCEDURE internal.RefuseEnsembleData
    @Pooling NVARCHAR(32),       -- to be NULL, as all of them
    @NetworkName NVARCHAR(128),  -- network
    @Layer NVARCHAR(256),        -- layer
    @Preprocessing NVARCHAR(32), -- preprocessing
    @Features NVARCHAR(MAX),     -- several features
    @Columns NVARCHAR(MAX),      -- columns
    @ColumnsFrom NVARCHAR(257),  -- their view
    @Dataset NVARCHAR(128),      -- data set
    @DatasetVersion INT,         -- its version
    @Horizon INT,                -- horizon of labels
    @PositiveFrom INT            -- least positive label
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;

    DECLARE @Message NVARCHAR(2000), @Names NVARCHAR(MAX);
    SET @Names = (
        SELECT STRING_AGG(a.name, N', ') WITHIN GROUP (ORDER BY a.name)
        FROM (
            VALUES
                (CAST(N'@Pooling' AS NVARCHAR(MAX)), CAST(@Pooling AS NVARCHAR(MAX))),
                (N'@NetworkName', @NetworkName),
                (N'@Layer', @Layer),
                (N'@Preprocessing', @Preprocessing),
                (N'@Features', @Features),
                (N'@Columns', @Columns),
                (N'@ColumnsFrom', @ColumnsFrom),
                (N'@Dataset', @Dataset),
                (N'@DatasetVersion', CAST(@DatasetVersion AS NVARCHAR(12))),
                (N'@Horizon', CAST(@Horizon AS NVARCHAR(12))),
                (N'@PositiveFrom', CAST(@PositiveFrom AS NVARCHAR(12)))
        ) AS a (name, given)
        WHERE a.given IS NOT NULL);
    IF @Names IS NULL
        RETURN 0;
    SET @Message = CONCAT(N'An ensemble takes its features, scans and labels from its members, and was given ', @Names,
        N'. Leave that out, or train members with it.');
    THROW 50101, @Message, 1;
END;
